/** UTF-16 with the big end first: the national character set, and CLOBs on the wire. */
export function utf16(text: string): Buffer {
  return Buffer.from(text, 'utf16le').swap16();
}

export function textOfUtf16(bytes: Uint8Array): string {
  return Buffer.from(bytes).swap16().toString('utf16le');
}
