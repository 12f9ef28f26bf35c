import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { LineAction, LineEvent, LineState } from './interrupt.js';
import { isInterrupted, Line, nextLine, voidsData } from './interrupt.js';

type Row = readonly [from: LineState, event: LineEvent, to: LineState, ...actions: LineAction[]];

const EDGES: readonly Row[] = [
  ['idle', 'call', 'running'],
  ['idle', 'break', 'resetting', 'markers'],
  ['idle', 'reset', 'idle'],
  ['running', 'answer', 'idle'],
  ['running', 'error', 'resetting', 'markers'],
  ['running', 'plain-error', 'reporting', 'report'],
  ['running', 'break', 'cancelling', 'cancel'],
  ['running', 'reset', 'running'],
  ['cancelling', 'answer', 'resetting', 'markers'],
  ['cancelling', 'error', 'resetting', 'markers'],
  ['cancelling', 'plain-error', 'reporting', 'report'],
  ['cancelling', 'break', 'cancelling'],
  ['cancelling', 'reset', 'cancelling-reset-seen'],
  ['cancelling-reset-seen', 'answer', 'reporting', 'markers', 'report'],
  ['cancelling-reset-seen', 'error', 'reporting', 'markers', 'report'],
  ['cancelling-reset-seen', 'plain-error', 'reporting', 'report'],
  ['cancelling-reset-seen', 'break', 'cancelling-reset-seen'],
  ['cancelling-reset-seen', 'reset', 'cancelling-reset-seen'],
  ['resetting', 'break', 'resetting'],
  ['resetting', 'reset', 'reporting', 'report'],
  ['reporting', 'reported', 'idle'],
  ['reporting', 'break', 'reporting-break-seen'],
  ['reporting', 'reset', 'reporting'],
  ['reporting-break-seen', 'reported', 'idle', 'break-again'],
  ['reporting-break-seen', 'break', 'reporting-break-seen'],
  ['reporting-break-seen', 'reset', 'reporting-break-seen'],
];
const STATES: readonly LineState[] = [
  'idle',
  'running',
  'cancelling',
  'cancelling-reset-seen',
  'resetting',
  'reporting',
  'reporting-break-seen',
  'closed',
];
const EVENTS: readonly LineEvent[] = ['call', 'answer', 'error', 'plain-error', 'reported', 'break', 'reset', 'close'];

describe('the table of break and reset', () => {
  it.each(EDGES.map((edge) => ({ edge, name: edge.slice(0, 3).join(', ') })))('$name', ({ edge }) => {
    const [from, event, to, ...actions] = edge;
    expect(nextLine(from, event)).toEqual({ state: to, actions });
  });

  it('has no other edges', () => {
    for (const state of STATES.filter((name) => name !== 'closed')) {
      for (const event of EVENTS.filter((name) => name !== 'close')) {
        if (EDGES.some(([from, known]) => from === state && known === event)) continue;
        expect(() => nextLine(state, event), `${state} ${event}`).toThrow(`${state}: there is no ${event}`);
      }
    }
  });

  it.each(STATES)('lets whoever waits go when the connection ends while it is %s', (state) => {
    expect(nextLine(state, 'close')).toEqual({ state: 'closed', actions: state === 'closed' ? [] : ['report'] });
  });

  it.each(EVENTS)('takes no notice of %s afterwards', (event) => {
    expect(nextLine('closed', event)).toEqual({ state: 'closed', actions: [] });
  });

  it('takes data as void only between its markers and the client’s RESET', () => {
    expect(STATES.filter(voidsData)).toEqual(['resetting', 'closed']);
    expect(STATES.filter(isInterrupted)).toEqual(['cancelling', 'cancelling-reset-seen']);
  });

  it('sends its markers exactly once for each error with markers, whatever the client sends in between', () => {
    const noise = fc.array(fc.constantFrom<LineEvent>('break', 'reset'), { maxLength: 6 });
    fc.assert(
      fc.property(noise, noise, fc.constantFrom<LineEvent>('answer', 'error'), (before, after, end) => {
        const line = { state: 'running' as LineState };
        const actions: LineAction[] = [];
        const apply = (event: LineEvent): void => {
          const next = nextLine(line.state, event);
          line.state = next.state;
          actions.push(...next.actions);
        };
        for (const event of before) apply(event);
        const interrupted = isInterrupted(line.state);
        apply(end);
        if (end === 'answer' && !interrupted) {
          expect(line.state).toBe('idle');
          return;
        }
        for (const event of after) apply(event);
        if (line.state === 'resetting') apply('reset');
        apply('reported');
        expect(line.state).toBe('idle');
        expect(actions.filter((action) => action === 'markers')).toHaveLength(1);
        expect(actions.filter((action) => action === 'report')).toHaveLength(1);
        expect(actions.filter((action) => action === 'cancel')).toHaveLength(interrupted ? 1 : 0);
      }),
    );
  });
});

describe('a line', () => {
  const lineWith = (): { line: Line; log: string[] } => {
    const log: string[] = [];
    const line = new Line({
      cancel: () => log.push('cancel'),
      sendMarkers: () => log.push('markers'),
      breakAgain: () => log.push('break again'),
    });
    return { line, log };
  };

  it('holds an error back until the client has reset', async () => {
    const { line, log } = lineWith();
    line.apply('call');
    const mayReport = line.raise('error').then(() => log.push('error'));
    await Promise.resolve();
    expect(log).toEqual(['markers']);
    line.apply('reset');
    await mayReport;
    expect(log).toEqual(['markers', 'error']);
    line.apply('reported');
    expect(line.state).toBe('idle');
  });

  it('reports at once when RESET came ahead of the markers', async () => {
    const { line, log } = lineWith();
    line.apply('call');
    line.apply('break');
    line.apply('reset');
    await line.raise('error');
    expect(log).toEqual(['cancel', 'markers']);
    expect(line.state).toBe('reporting');
  });

  it('takes a break that came behind the RESET when the error before it is written', async () => {
    const { line, log } = lineWith();
    line.apply('call');
    const mayReport = line.raise('error');
    line.apply('reset');
    line.apply('break');
    await mayReport;
    expect(log).toEqual(['markers']);
    line.apply('reported');
    expect(log).toEqual(['markers', 'break again']);
    expect(line.state).toBe('idle');
  });

  it('lets an error that waits go when the connection ends', async () => {
    const { line } = lineWith();
    const mayReport = line.raise('break');
    line.apply('close');
    await mayReport;
    expect(line.state).toBe('closed');
  });
});
