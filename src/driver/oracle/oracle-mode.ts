/**
 * Thin or thick: a choice of the whole process, made once. Thick mode needs Oracle's Client libraries and the library's own binary.
 * Called by oracle-driver.ts when the library has been loaded.
 */
import { ConfigError } from '../../errors/config-error.js';
import type { OracleModule } from './oracle-module.js';
import type { OracleConfig } from './oracle-config.js';

/** @throws ConfigError where the process cannot have the mode that was asked for. */
export function chooseMode(module: OracleModule, { mode, libDir, configDir }: OracleConfig): void {
  if (mode === 'thick') return beThick(module, libDir, configDir);
  if (mode === 'thin' && !module.thin) {
    const expected = "mode: 'thick', or none: somebody in the process has called initOracleClient()";
    throw ConfigError.fromIssues([{ path: 'oracle.mode', got: "'thin' in a process of thick mode", expected }]);
  }
}

function beThick(module: OracleModule, libDir: string | undefined, configDir: string | undefined): void {
  if (!module.thin) return;
  try {
    module.initOracleClient({ ...(libDir !== undefined && { libDir }), ...(configDir !== undefined && { configDir }) });
  } catch (cause) {
    const issue = { path: 'oracle.mode', got: "'thick'", expected: expectedOf(cause) };
    throw new ConfigError(`Oracle's thick mode cannot be used: ${issue.expected}; see cause`, [issue], { cause });
  }
}

function expectedOf(cause: unknown): string {
  const { code } = cause as { readonly code?: unknown };
  if (code === 'NJS-118') return "mode: 'thick' before the first connection of the process, which was a thin one";
  if (code === 'NJS-045')
    return "the binary of the package 'oracledb', which is missing for this platform or this Node; or mode: 'thin'";
  if (code === 'DPI-1047') return "Oracle's Client libraries, found by libDir or by the system; or mode: 'thin'";
  return "what initOracleClient() needs; or mode: 'thin'";
}
