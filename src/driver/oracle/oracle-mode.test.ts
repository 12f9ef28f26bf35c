/** Thin or thick, and what is said of a process that cannot have what was asked for. */
import { describe, expect, it } from 'vitest';
import { chooseMode } from './oracle-mode.js';
import type { OracleModule } from './oracle-module.js';
import { resolveOracleOptions } from './oracle-config.js';

type Modes = Pick<OracleModule, 'thin' | 'initOracleClient'>;

const asModule = (module: Modes): OracleModule => module as OracleModule;
const config = (mode?: 'thin' | 'thick', libDir?: string) =>
  resolveOracleOptions({
    serviceName: 's',
    ...(mode && { mode }),
    ...(libDir !== undefined && { libDir, configDir: '/net' }),
  });

function failing(code: string): Modes {
  return {
    thin: true,
    initOracleClient: () => {
      throw Object.assign(new Error(code), { code });
    },
  };
}

describe('the mode of the client library', () => {
  it('is left alone where nobody chooses, or where it is what was chosen', () => {
    const untouched = failing('NJS-000');
    chooseMode(asModule(untouched), config());
    chooseMode(asModule(untouched), config('thin'));
    chooseMode(asModule({ ...untouched, thin: false }), config());
    chooseMode(asModule({ ...untouched, thin: false }), config('thick'));
  });

  it('becomes thick with the folders of the options', () => {
    const asked: unknown[] = [];
    chooseMode(
      asModule({ thin: true, initOracleClient: (options) => void asked.push(options) }),
      config('thick', '/opt/oracle'),
    );
    expect(asked).toEqual([{ libDir: '/opt/oracle', configDir: '/net' }]);
  });

  it('cannot be thin in a process that is thick', () => {
    expect(() => chooseMode(asModule({ ...failing(''), thin: false }), config('thin'))).toThrow('initOracleClient');
  });

  it.each([
    ['NJS-118', 'before the first connection'],
    ['NJS-045', 'binary'],
    ['DPI-1047', 'Client libraries'],
    ['DPI-1072', 'initOracleClient()'],
  ])('cannot be thick after %s, and says what to do', (code, words) => {
    expect(() => chooseMode(asModule(failing(code)), config('thick'))).toThrow(words);
  });
});
