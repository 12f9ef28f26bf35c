/** Wrong options, all at once: path, what was got, what is expected. */
import { FluxorError } from './fluxor-error.js';

/** One thing wrong with the options. */
export interface ConfigIssue {
  readonly path: string;
  readonly got: string;
  readonly expected: string;
}

/**
 * Raised before any I/O. Codes: `CONFIG` for wrong options, `DRIVER_MISSING` when the database's package is absent.
 *
 * @example
 * // pool.maxSize: got '50', expected a whole number, 1 to 10,000
 */
export class ConfigError extends FluxorError {
  /** @internal */
  static override get name(): string {
    return 'ConfigError';
  }

  readonly issues: readonly ConfigIssue[];

  constructor(
    message: string,
    issues: readonly ConfigIssue[],
    init: { code?: 'CONFIG' | 'DRIVER_MISSING'; cause?: unknown } = {},
  ) {
    super(init.code ?? 'CONFIG', message, { cause: init.cause });
    this.issues = Object.freeze([...issues]);
  }

  static fromIssues(issues: readonly ConfigIssue[]): ConfigError {
    const lines = issues.map((issue) => `  ${issue.path}: got ${issue.got}${suggest(issue.expected)}`);
    const count = issues.length === 1 ? 'One option is wrong' : `${issues.length} options are wrong`;
    return new ConfigError(`${count}:\n${lines.join('\n')}`, issues);
  }

  static driverMissing(packageName: string, cause: unknown): ConfigError {
    return new ConfigError(
      `The package '${packageName}' is not installed. Install it with: npm install ${packageName}`,
      [{ path: 'driver', got: 'no such package', expected: `npm install ${packageName}` }],
      { code: 'DRIVER_MISSING', cause },
    );
  }

  /** Of two that speak to the same server neither is there. */
  static driversMissing(wanted: string, other: string, cause: unknown): ConfigError {
    const commands = `npm install ${wanted}, or npm install ${other}`;
    return new ConfigError(
      `Neither the package '${wanted}' nor '${other}', which could take its place, is installed. Install one of them with: ${commands}`,
      [{ path: 'driver', got: 'no such package', expected: commands }],
      { code: 'DRIVER_MISSING', cause },
    );
  }

  override toJSON(): Record<string, unknown> {
    return { ...super.toJSON(), issues: this.issues };
  }
}

/** What is expected, or the question that stands in its place. */
function suggest(expected: string): string {
  return expected.startsWith('did you mean') ? `; ${expected}` : `, expected ${expected}`;
}
