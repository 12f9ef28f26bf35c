/** How urgent a call is compared with others that wait. Each line of the house says what comes of it. */
export type Priority = 'high' | 'normal' | 'low';

/** From the most urgent to the least. */
export const PRIORITIES: readonly Priority[] = ['high', 'normal', 'low'];
