import { UserError } from "../../lib/errors.js";

/** The message of the UserError that a call throws; any other outcome is a failure of the test. */
export async function userMessage(call: () => unknown): Promise<string> {
  try {
    await call();
  } catch (error) {
    if (error instanceof UserError) return error.message;
    throw error;
  }
  throw new Error("expected a UserError, but nothing was thrown");
}
