/* Bytes as text, for JSON and for the storage. */

export function encode(bytes) {
  let text = '';
  for (const byte of bytes) { text += String.fromCharCode(byte); }
  return btoa(text);
}

export function decode(text) {
  return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
}
