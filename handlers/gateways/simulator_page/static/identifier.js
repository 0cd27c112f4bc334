// A name that nothing else has.

export function identifier() {
  // Not randomUUID: that exists on secure origins only, and a demo may run on a laptop's address.
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
