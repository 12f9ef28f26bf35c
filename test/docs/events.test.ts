/** docs/reference/events.md lists every event with every field of its payload, and every reason to close. */
import { readFileSync } from 'node:fs';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';
import { ROOT } from '../source-tree.js';
import { codeWords, readDoc, tableRows } from './markdown.js';

const text = readFileSync(`${ROOT}/src/telemetry/events.ts`, 'utf8');
const tree = ts.createSourceFile('events.ts', text, ts.ScriptTarget.Latest, true);
const rows = tableRows(readDoc('docs/reference/events.md'));

describe('the events', () => {
  it('are all there, with all their fields', () => {
    const said = rows
      .filter(([name = '']) => name.includes(':'))
      .map(([name = '', fields = '']) => [codeWords(name)[0], codeWords(fields).sort()]);
    expect(Object.fromEntries(said)).toEqual(Object.fromEntries(eventsOfCode()));
  });

  it('explain every reason to close a connection', () => {
    const said = rows.filter(([name = '']) => !name.includes(':')).map(([name = '']) => codeWords(name)[0]);
    const alias = tree.statements.filter(ts.isTypeAliasDeclaration).find(({ name }) => name.text === 'CloseReason');
    expect(said.sort()).toEqual(codeWords((alias?.type.getText() ?? '').replaceAll("'", '`')).sort());
  });
});

function eventsOfCode(): [string, string[]][] {
  const events = interfaceNamed('FluxorEvents');
  return events.members.filter(ts.isPropertySignature).map((event) => {
    if (event.type === undefined) throw new Error(`${event.name.getText()} has no payload`);
    return [event.name.getText().replaceAll("'", ''), fieldsOf(event.type).sort()];
  });
}

/** The fields of an intersection of named facts and literals. */
function fieldsOf(type: ts.TypeNode): string[] {
  if (ts.isIntersectionTypeNode(type)) return type.types.flatMap(fieldsOf);
  if (ts.isTypeLiteralNode(type)) return namesOf(type.members);
  return fieldsOfInterface(type.getText());
}

function fieldsOfInterface(name: string): string[] {
  const declared = interfaceNamed(name);
  const bases = declared.heritageClauses?.flatMap(({ types }) => types.map((base) => base.getText())) ?? [];
  return [...bases.flatMap(fieldsOfInterface), ...namesOf(declared.members)];
}

function interfaceNamed(name: string): ts.InterfaceDeclaration {
  const declared = tree.statements.filter(ts.isInterfaceDeclaration).find((one) => one.name.text === name);
  if (declared === undefined) throw new Error(`events.ts has no interface ${name}`);
  return declared;
}

function namesOf(members: ts.NodeArray<ts.TypeElement>): string[] {
  return members.map((member) => member.name?.getText() ?? '?');
}
