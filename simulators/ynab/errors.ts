/**
 * An error answer of YNAB: `{ error: { id, name, detail } }`. Names: the list of errors in YNAB's API documentation
 * and its recorded answers.
 */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly id: string,
    readonly label: string,
    readonly detail: string,
    readonly headers: Record<string, string> = {},
  ) {
    super(detail);
    this.name = "ApiError";
  }

  body(): string {
    return JSON.stringify({ error: { id: this.id, name: this.label, detail: this.detail } });
  }
}

export const badRequest = (detail: string) => new ApiError(400, "400", "bad_request", detail);
export const conflict = (detail: string) => new ApiError(409, "409", "conflict", detail);
export const noSuchPath = () => new ApiError(404, "404.1", "not_found", "The specified URI does not exist");
export const notFound = () => new ApiError(404, "404.2", "resource_not_found", "Resource not found");
export const unauthorised = () =>
  new ApiError(401, "401", "unauthorized", "Unauthorized", {
    "www-authenticate":
      'Bearer realm="Doorkeeper", error="invalid_token", error_description="The access token is invalid"',
  });
export const tooManyRequests = (headers: Record<string, string> = {}) =>
  new ApiError(429, "429", "too_many_requests", "Too many requests", headers);
