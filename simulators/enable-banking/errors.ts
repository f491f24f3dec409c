/** An error as Enable Banking answers it. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly error: string,
    message: string,
    readonly headers: Record<string, string> = {},
    readonly detail?: unknown,
  ) {
    super(message);
  }

  /** Source: enablebanking.com/docs/api/reference, ErrorResponse. */
  get body(): unknown {
    return {
      message: this.message,
      code: this.status,
      error: this.error,
      ...(this.detail === undefined ? {} : { detail: this.detail }),
    };
  }
}
