/** An error as bunq answers it. */
export class BunqError extends Error {
  constructor(
    readonly status: number,
    message: string,
    readonly headers: Record<string, string> = {},
  ) {
    super(message);
  }

  /** Body of the answer; `Error` is a list. Source: bunq's documentation, "Errors". */
  get body(): unknown {
    return { Error: [{ error_description: this.message, error_description_translated: this.message }] };
  }
}
