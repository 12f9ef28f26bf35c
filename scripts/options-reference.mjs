/**
 * Writes the tables of docs/reference/options.md from the docstrings of the option types, which tell of each option in five beats:
 * what it is; `@when` to change it; `@limits`; `@warning`; `@default`. A table stands between `<!-- options Type prefix -->` and
 * `<!-- end -->`; names after a colon choose among the type's members, and `flat` leaves out the options of groups. What else is
 * in the file is written by hand. A test compares what this makes of the file with the file (test/docs/options.test.ts).
 *
 * node scripts/options-reference.mjs
 */
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import prettier from 'prettier';
import ts from 'typescript';

const root = fileURLToPath(new URL('..', import.meta.url));
export const REFERENCE = join(root, 'docs/reference/options.md');
const BLOCK = /<!-- options (\w+)(?: ([\w.]+))?( flat)?(?:: ([\w, ]+))? -->\n[^]*?<!-- end -->/g;

/** The text with its tables written anew. */
export async function renderReference(text) {
  const types = readTypes();
  const rendered = text.replaceAll(BLOCK, (block, type, prefix = '', flat, names) => {
    const members = optionsOf(types, type, prefix, flat === undefined).filter(
      ({ path }) => names === undefined || names.split(', ').some((name) => isUnder(path, prefix, name)),
    );
    const rows = members.map(
      (option) => `| \`${option.path}\` | ${takes(option)} | ${option.default} | ${describe(option)} |`,
    );
    const head = '| option | takes | default | what it is, and when to change it |\n| --- | --- | --- | --- |';
    return `${block.slice(0, block.indexOf('\n'))}\n\n${[head, ...rows].join('\n')}\n\n<!-- end -->`;
  });
  return prettier.format(rendered, { ...(await prettier.resolveConfig(REFERENCE)), filepath: REFERENCE });
}

/** Every option of a type, with those of its groups: `{ path, type, what, when, limits, warning, default, see, takes }`. */
export function optionsOf(types, name, prefix, isDeep) {
  const declared = types.get(name);
  if (declared === undefined) throw new Error(`There is no interface ${name}.`);
  return declared.members.filter(ts.isPropertySignature).flatMap((member) => {
    const path = prefix === '' ? member.name.getText() : `${prefix}.${member.name.getText()}`;
    const group = isDeep ? groupOf(member.type, types) : undefined;
    const below = group === undefined || prefix === '' ? [] : optionsOf(types, group, path, true);
    return [{ path, type: member.type, types, ...beatsOf(member) }, ...below];
  });
}

/** All interfaces of the sources, by name. */
export function readTypes() {
  const types = new Map();
  for (const path of readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })) {
    if (!path.endsWith('.ts') || path.endsWith('.test.ts')) continue;
    const source = readFileSync(join(root, 'src', path), 'utf8');
    for (const statement of ts.createSourceFile(path, source, ts.ScriptTarget.Latest, true).statements)
      if (ts.isInterfaceDeclaration(statement) && !types.has(statement.name.text))
        types.set(statement.name.text, statement);
      else if (ts.isTypeAliasDeclaration(statement)) types.set(`type ${statement.name.text}`, statement.type);
  }
  return types;
}

function beatsOf(member) {
  const docs = member.jsDoc?.at(-1);
  const tags = new Map(docs?.tags?.map((tag) => [tag.tagName.text, flow(ts.getTextOfJSDocComment(tag.comment))]));
  // The compiler takes a path for a name and a comment.
  const see = docs?.tags
    ?.find((tag) => tag.tagName.text === 'see')
    ?.getText()
    .replace(/^@see\s+/, '')
    .trim()
    .split(/\s/)[0];
  return {
    what: flow(ts.getTextOfJSDocComment(docs?.comment)),
    when: tags.get('when'),
    limits: tags.get('limits'),
    warning: tags.get('warning'),
    default: tags.get('default') ?? (member.questionToken === undefined ? 'required' : ''),
    takes: tags.get('takes'),
    see,
  };
}

function describe({ what, when, warning, see }) {
  const link = see && `[More](${see.replace(/^docs\/reference\//, '').replace(/^docs\//, '../')}).`;
  return [what, when, warning, link].filter(Boolean).join(' ').replaceAll('|', '\\|');
}

/** What the type says, and the limits. */
function takes({ type, types, limits, takes: said }) {
  if (said !== undefined) return said;
  const parts = membersOf(type, types);
  const words = parts.map((part) => {
    if (groupOf(part, types) !== undefined) return 'the options below';
    const text = part.getText();
    if (text === 'Duration') return ['duration', limits].filter(Boolean).join(', ');
    if (isFunction(part, types)) return 'a function';
    if (text.startsWith('Readonly<Record<')) return 'an object of names and values';
    if (text === 'AbortSignal') return 'an `AbortSignal`';
    if (part.kind === ts.SyntaxKind.NumberKeyword) return limits ?? 'a number';
    if (part.kind === ts.SyntaxKind.StringKeyword) return ['text', limits].filter(Boolean).join(', ');
    return text === 'boolean' ? 'boolean' : `\`${text}\``;
  });
  const last = words.at(-1) === '`false`' && words.length > 1 ? [`or ${words.pop()}`] : [];
  return [...words, ...last].join(', ').replaceAll('|', '\\|');
}

/** The parts of a union, those of the unions that it names included. */
function membersOf(type, types) {
  if (ts.isUnionTypeNode(type)) return type.types.flatMap((part) => membersOf(part, types));
  const alias = types.get(`type ${type.getText()}`);
  return alias !== undefined && type.getText() !== 'Duration' && ts.isUnionTypeNode(alias)
    ? membersOf(alias, types)
    : [type];
}

function isFunction(part, types) {
  const bare = ts.isParenthesizedTypeNode(part) ? part.type : part;
  return ts.isFunctionTypeNode(types.get(`type ${bare.getText()}`) ?? bare);
}

function groupOf(type, types) {
  const parts = membersOf(type, types).map((part) => part.getText());
  return parts.find((name) => name.endsWith('Options') && types.has(name));
}

const flow = (text) => text?.replace(/\s+/g, ' ').trim();
const isUnder = (path, prefix, name) => {
  const at = prefix === '' ? name : `${prefix}.${name}`;
  return path === at || path.startsWith(`${at}.`);
};

if (process.argv[1] === fileURLToPath(import.meta.url))
  writeFileSync(REFERENCE, await renderReference(readFileSync(REFERENCE, 'utf8')));
