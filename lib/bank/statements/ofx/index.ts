export { ofxReader } from "./reader";
