/** A refusal in Docker's own words, so that clients take it for the real thing. */
export class ApiError extends Error {
  override readonly name = "ApiError";
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** 404 for a container. */
export function noSuchContainer(id: string): ApiError {
  return new ApiError(404, `No such container: ${id}`);
}

/** 404 for an image. */
export function noSuchImage(reference: string): ApiError {
  return new ApiError(404, `No such image: ${reference}`);
}

/** 409 for a verb that needs a running container. */
export function notRunning(id: string): ApiError {
  return new ApiError(409, `Container ${id} is not running`);
}
