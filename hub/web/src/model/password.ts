/** Characters that the hub asks of a new password. */
export const LEAST_PASSWORD = 8;
