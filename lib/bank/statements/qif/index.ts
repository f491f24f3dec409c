export { qifReader } from "./reader";
