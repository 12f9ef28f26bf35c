/** `fluxor config`: what is in force and who said it, or everything that is wrong. Connects to nothing. */
import { ConfigError, explainConfig } from '../index.js';
import type { ConfigOptions } from './command-line.js';
import { configJson, configLines, issueLines, issuesJson } from './config-report.js';
import { buildConfig, readVariables, urlOf } from './given-config.js';
import type { Outside } from './outside.js';
import { EXIT } from './outside.js';
import type { Paint } from './terminal.js';

export function runConfig(options: ConfigOptions, outside: Outside, paint: Paint): number {
  const { out } = outside;
  let hasUrl = true;
  try {
    const variables = readVariables(outside, options.envFile);
    hasUrl = urlOf(options.url, variables) !== undefined;
    const explained = explainConfig(buildConfig(options.url, variables, options.preset));
    out.write(`${options.isJson ? configJson(explained) : configLines(explained, paint).join('\n')}\n`);
    return EXIT.ok;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const told = hasUrl ? error : withoutUrl(error);
    out.write(`${options.isJson ? issuesJson(told) : issueLines(told, paint).join('\n')}\n`);
    return EXIT.usage;
  }
}

/** A driver is what a program would give; whoever types has a URL. */
function withoutUrl({ issues }: ConfigError): ConfigError {
  const expected = 'one as an argument, or in FLUXOR_URL or DATABASE_URL';
  return ConfigError.fromIssues(
    issues.map((issue) => (issue.path === 'driver' ? { path: 'url', got: 'none', expected } : issue)),
  );
}
