import { seededRandom } from "../../random";

/** A matrix of weights, trained by AdaGrad (Duchi, Hazan, Singer 2011, diagonal form); rows may be added. */
export class Weights {
  values: Float32Array;
  squares: Float32Array;

  /** @param reach fresh weights lie between it and its negative; each row has its own part of the seed */
  constructor(
    readonly columns: number,
    private readonly reach: number,
    private readonly seed: number,
    rows: number,
    stored: { values?: Float32Array | undefined; squares?: Float32Array | undefined } = {},
  ) {
    this.values = stored.values?.slice() ?? new Float32Array();
    this.squares = stored.squares?.slice() ?? new Float32Array();
    this.grow(rows);
  }

  grow(rows: number): void {
    const { columns, reach } = this;
    const known = this.values.length / columns;
    if (known >= rows) return;
    const values = new Float32Array(rows * columns);
    const squares = new Float32Array(rows * columns);
    values.set(this.values);
    squares.set(this.squares);
    for (let row = known; row < rows; row++) {
      const random = seededRandom(this.seed + row);
      for (let i = row * columns; i < (row + 1) * columns; i++) values[i] = (2 * random() - 1) * reach;
    }
    this.values = values;
    this.squares = squares;
  }

  descend(gradient: Float32Array, rate: number, floor: number): void {
    const { values, squares } = this;
    for (let i = 0; i < gradient.length; i++) {
      const g = gradient[i]!;
      const square = squares[i]! + g * g;
      squares[i] = square;
      values[i] = values[i]! - (rate * g) / Math.sqrt(square + floor);
    }
  }
}
