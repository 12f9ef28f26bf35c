/**
 * Options that were said in several places, one over the other: what is in force, and who said it. The last word wins, option by
 * option. Knows neither the options nor the places.
 */
import type { ConfigOrigin, OptionSource } from './config-origin.js';
import type { OptionTree } from './option-tree.js';
import { frozenCopy, leavesOf, mergeOptions, optionMeantBy } from './option-tree.js';
import { presets } from './presets.js';
import type { RuntimeOptions } from './runtime-options.js';

/** What was said in one place. */
export interface OptionLayer {
  readonly source: OptionSource;
  readonly options: OptionTree;
}

/** The first layer lies at the bottom. */
export function mergeLayers(layers: readonly OptionLayer[]): ConfigOrigin {
  let options: OptionTree = {};
  const sources = new Map<string, OptionSource>();
  for (const layer of layers) {
    options = mergeOptions(options, layer.options);
    for (const [path, value] of leavesOf(layer.options)) {
      for (const said of sources.keys()) if (said.startsWith(`${path}.`)) sources.delete(said);
      sources.set(path, sourceOf(path, layer));
      // `gate.rateLimit: 500` is a word on `perSecond`.
      const field = optionMeantBy(path, value);
      if (field !== undefined) sources.set(`${path}.${field}`, sourceOf(path, layer));
    }
  }
  return { options: frozenCopy(options) as unknown as RuntimeOptions, sources };
}

/** Of options that were said all in one place, to `createRuntime()`. */
export function originOfOptions(options: RuntimeOptions): ConfigOrigin {
  return mergeLayers([{ source: 'option', options: options as unknown as OptionTree }]);
}

/** A group that was spread from a preset is the preset's own object; one that was copied and changed is the user's word. */
function sourceOf(path: string, { source, options }: OptionLayer): OptionSource {
  const group = path.split('.')[0] ?? '';
  const said = options[group];
  const isPreset = Object.values(presets).some((preset: OptionTree) => said !== undefined && preset[group] === said);
  return isPreset ? 'preset' : source;
}
