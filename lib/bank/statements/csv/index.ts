export { csvReader, inferMapping, type MappingProposal } from "./reader";
