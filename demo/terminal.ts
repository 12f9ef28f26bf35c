/**
 * The few escape codes the live view needs (ECMA-48), and the cutting of lines to the terminal's width: a line that
 * wraps would take two rows, and the next redraw would begin in the wrong one.
 */

const ESC = '\u001b[';

export const HIDE_CURSOR = `${ESC}?25l`;
export const SHOW_CURSOR = `${ESC}?25h`;
export const CLEAR_TO_END_OF_LINE = `${ESC}K`;
export const CLEAR_BELOW = `${ESC}J`;

/** To the first column, `rows` rows up. */
export function rowsUp(rows: number): string {
  return rows === 0 ? '\r' : `\r${ESC}${rows}A`;
}

const STYLES = { bold: '1', dim: '2', red: '31', green: '32', yellow: '33', cyan: '36' } as const;
export type Style = keyof typeof STYLES;

/** no-color.org: any value but an empty one turns colours off. */
const HAS_COLOURS = (process.env['NO_COLOR'] ?? '') === '';

export function paint(style: Style, text: string): string {
  return HAS_COLOURS ? `${ESC}${STYLES[style]}m${text}${ESC}0m` : text;
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
