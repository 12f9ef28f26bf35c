/**
 * The few escape codes that the views need (ECMA-48, and xterm's alternate screen), the cutting of lines to the terminal's width,
 * and the cleaning of texts that come from elsewhere. Used by `fluxor top` and by the demo; it writes nothing itself.
 * Invariant: no text that went through `printable` can move the cursor, colour anything or change the window's title.
 */

const ESC = '\u001b[';

export const HIDE_CURSOR = `${ESC}?25l`;
export const SHOW_CURSOR = `${ESC}?25h`;
/** What does not fit is cut off by the terminal: some characters are two columns wide. */
export const NO_WRAP = `${ESC}?7l`;
export const WRAP = `${ESC}?7h`;
export const CLEAR_TO_END_OF_LINE = `${ESC}K`;
export const CLEAR_BELOW = `${ESC}J`;
export const HOME = `${ESC}H`;
/** A screen of its own; leaving it brings back what was there. */
export const ENTER_SCREEN = `${ESC}?1049h`;
export const LEAVE_SCREEN = `${ESC}?1049l`;

/** To the first column, `rows` rows up. */
export function rowsUp(rows: number): string {
  return rows === 0 ? '\r' : `\r${ESC}${rows}A`;
}

const STYLES = { bold: '1', dim: '2', red: '31', green: '32', yellow: '33', cyan: '36' } as const;
export type Style = keyof typeof STYLES;

/** Colours a text, or leaves it as it is where there are none. */
export type Paint = (style: Style, text: string) => string;

export function painter(hasColours: boolean): Paint {
  return hasColours ? (style, text) => `${ESC}${STYLES[style]}m${text}${ESC}0m` : (_style, text) => text;
}

/** no-color.org: any value but an empty one turns colours off. */
export function wantsColours(env: Readonly<Record<string, string | undefined>>): boolean {
  return (env['NO_COLOR'] ?? '') === '';
}

/** At most `width` visible characters; escape codes take no room, and all of them are kept, so that no colour leaks. */
export function cut(line: string, width: number): string {
  let room = width;
  return line.replace(/(\u001b\[[0-9;]*m)|./gu, (char, code: string | undefined) => {
    if (code !== undefined) return code;
    room -= 1;
    return room >= 0 ? char : '';
  });
}

/** Controls, lone surrogates, and what turns the direction of text around. */
const UNPRINTABLE = /[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069\ud800-\udfff]/gu;

/** One line that does nothing to a terminal. */
export function printable(text: string): string {
  return text.replace(UNPRINTABLE, '\ufffd');
}

/** JSON leaves these as they are: some terminals take C1 controls for the beginning of an escape sequence. */
const UNPRINTABLE_IN_JSON = /[\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g;

/** JSON for programs, and for whoever looks at it on a terminal: the same value, and does nothing to one. */
export function jsonText(value: unknown): string {
  return JSON.stringify(value, null, 2).replace(
    UNPRINTABLE_IN_JSON,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
