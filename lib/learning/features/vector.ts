/** A sparse vector that is filled anew for each example: hashes and values, without one allocation an example. */
export class FeatureVector {
  size = 0;
  hashes = new Uint32Array(256);
  values = new Float32Array(256);
  /** Names of the features for explanations; filled only while `named`. */
  names: string[] = [];
  named = false;

  clear(named = false): void {
    this.size = 0;
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

  private grow(): void {
    const hashes = new Uint32Array(this.hashes.length * 2);
    hashes.set(this.hashes);
    this.hashes = hashes;
    const values = new Float32Array(this.values.length * 2);
    values.set(this.values);
    this.values = values;
  }
}
