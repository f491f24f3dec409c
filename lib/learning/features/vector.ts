import { withRoom } from "./room";

/** Fewer features stay single: to find their sum costs as much as to add them up. */
const SMALLEST_GROUP = 3;

/**
 * A sparse vector that is filled anew for each example: hashes and values, without one allocation an example. Features that
 * come together again and again (those of one name, of one memory) stand next to each other as a group; the value of a
 * feature follows from its hash, and from the others of its group.
 */
export class FeatureVector {
  size = 0;
  hashes = new Uint32Array(256);
  values = new Float32Array(256);
  /** Of each group where it begins and where it ends, in the order of the features; between them stand single ones. */
  groups = new Int32Array(64);
  groupCount = 0;
  private groupStart = 0;
  /** Names of the features for explanations; filled only while `named`. */
  names: string[] = [];
  named = false;

  clear(named = false): void {
    this.size = 0;
    this.groupCount = 0;
    this.named = named;
    if (named) this.names = [];
  }

  add(hash: number, value: number): void {
    if (this.size === this.hashes.length) this.grow();
    this.hashes[this.size] = hash;
    this.values[this.size++] = value;
  }

  /** The name of the feature added last. */
  name(text: string): void {
    this.names[this.size - 1] = text;
  }

  /** The features that are added from here on are a group, up to {@link endGroup}. */
  beginGroup(): void {
    this.groupStart = this.size;
  }

  endGroup(): void {
    if (this.size - this.groupStart < SMALLEST_GROUP) return;
    this.groups = withRoom(this.groups, this.groupCount * 2 + 2);
    this.groups[this.groupCount * 2] = this.groupStart;
    this.groups[this.groupCount * 2 + 1] = this.size;
    this.groupCount++;
  }

  private grow(): void {
    this.hashes = withRoom(this.hashes, this.size + 1);
    this.values = withRoom(this.values, this.size + 1);
  }
}
