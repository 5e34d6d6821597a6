#!/usr/bin/env node
// Lists words that mark a sentence to rewrite, in Markdown and in the comments and strings of sources.
// With arguments, only in files below those paths: node tools/workspace/prose.mjs libs/lake
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import ts from 'typescript';
import { root } from './runner.mjs';

/** Each word with what to write instead. */
const markers = [
  ['whoever', 'name the reader or the program'],
  ['nobody', '"no user", "no process"'],
  ['somebody', 'name the person or the program'],
  ['so many', 'the number'],
  ['beside', '"next to", "in addition to", "with"'],
  ['besides', '"in addition to", "also"'],
  ['is told', 'say who reports what'],
  ['are told', 'say who reports what'],
  ['mend(s|ed|ing)?', '"fix"'],
  ['tak(e|es|en|ing) up(?! to)', '"load", "resume", "start"'],
  ['let(s|ting)? go of', '"release"'],
  ['all the same', '"anyway"'],
  ["of (its|their|one's) own", '"dedicated", "separate"'],
  ['by itself', '"automatically", "alone"'],
  ['for good', '"permanently"'],
  ['befall(s|en)?', '"happen to"'],
  ['astray', '"diverged", "lost"'],
  ['in words', 'name the message'],
  ['what there is', 'name the things'],
  ['as it is', '"unchanged"'],
  ['has it that', '"says"'],
  ['is not to be', 'say who must not do what'],
];
const pattern = new RegExp(`\\b(?:${markers.map(([word]) => word).join('|')})\\b`, 'gi');

const kinds = /[.](md|m?ts|mjs|ya?ml)$/;
const paths = process.argv.length > 2 ? process.argv.slice(2) : ['.'];
const files = execFileSync('git', ['ls-files', '-co', '--exclude-standard', ...paths], { cwd: root, encoding: 'utf8' })
  .split('\n')
  .filter((file) => kinds.test(file) && existsSync(path.join(root, file)) && file !== 'tools/workspace/prose.mjs');

let found = 0;
for (const file of files) {
  const text = readFileSync(path.join(root, file), 'utf8');
  const prose = /\.m?ts$|\.mjs$/.test(file) ? proseOf(text) : [{ start: 0, text }];
  for (const part of prose) {
    for (const match of part.text.matchAll(pattern)) {
      const line = text.slice(0, part.start + match.index).split('\n').length;
      const advice = markers.find(([word]) => new RegExp(`^${word}$`, 'i').test(match[0]))?.[1];
      console.log(`${file}:${line} "${match[0]}": write ${advice}`);
      found++;
    }
  }
}
if (found > 0) process.exitCode = 1;

/**
 * The comments and the string literals of a source.
 *
 * @param {string} source
 * @returns {{ start: number, text: string }[]}
 */
function proseOf(source) {
  const file = ts.createSourceFile('x.ts', source, ts.ScriptTarget.Latest, true);
  /** @type {Map<number, { start: number, text: string }>} */
  const parts = new Map();
  const add = (/** @type {number} */ start, /** @type {number} */ end) =>
    parts.set(start, { start, text: source.slice(start, end) });
  const visit = (/** @type {ts.Node} */ node) => {
    for (const { pos, end } of ts.getLeadingCommentRanges(source, node.getFullStart()) ?? []) add(pos, end);
    for (const { pos, end } of ts.getTrailingCommentRanges(source, node.getEnd()) ?? []) add(pos, end);
    const isText = ts.isStringLiteralLike(node) || ts.isTemplateHead(node) || ts.isTemplateMiddleOrTemplateTail(node);
    if (isText) add(node.getStart(), node.getEnd());
    node.getChildren().forEach(visit);
  };
  visit(file);
  return [...parts.values()];
}
