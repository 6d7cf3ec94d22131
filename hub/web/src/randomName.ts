/** A name that nobody else has: 128 random bits. `randomUUID` is for pages that came by HTTPS only. */
export function randomName(): string {
  const parts = crypto.getRandomValues(new Uint32Array(4));
  return Array.from(parts, (part) => part.toString(16)).join("");
}
