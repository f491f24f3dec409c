export { csvReader, inferMapping, type CsvColumn, type MappingProposal } from "./reader";
export { previewCsv, type CsvPreview } from "./preview";
