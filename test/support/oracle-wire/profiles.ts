/** The servers that this one can pass for: what it offers while a connection is made. The driver takes other ways for each. */
export interface Profile {
  readonly name: ProfileName;
  readonly tnsVersion: number;
  /** Decides which fields messages have. */
  readonly fieldVersion: number;
  /** Protocol, data types and logon in one round trip. */
  readonly fastAuth: boolean;
  /** Answers end with a mark; pipelining needs it. */
  readonly endOfRequest: boolean;
  /** AUTH_VERSION_NO, packed as this version packs it. */
  readonly versionNumber: number;
}

export type ProfileName = '23ai' | '21c' | '19c';

const V23_4_0_24_5 = (23 << 24) | (4 << 16) | (24 << 4) | 5;
const V21_3 = (21 << 24) | (3 << 16);
const V19_3 = (19 << 24) | (3 << 16);

const modern = { tnsVersion: 319, fastAuth: true, endOfRequest: true } as const;
const classic = { tnsVersion: 318, fastAuth: false, endOfRequest: false } as const;

export const PROFILES: Readonly<Record<ProfileName, Profile>> = {
  '23ai': { name: '23ai', ...modern, fieldVersion: 24, versionNumber: V23_4_0_24_5 },
  '21c': { name: '21c', ...classic, fieldVersion: 16, versionNumber: V21_3 },
  '19c': { name: '19c', ...classic, fieldVersion: 12, versionNumber: V19_3 },
};
