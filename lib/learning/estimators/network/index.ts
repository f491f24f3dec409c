export {
  loadTensorFlow,
  lookForPackagesIn,
  packageFolders,
  tensorFlow,
  type PackageFolders,
} from "./backend";
export { NETWORK } from "./network";
