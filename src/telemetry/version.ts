/** What we call ourselves to those who watch. A test holds it against package.json. */

export const VERSION = '0.0.0';
