/*
 * Is this ES3? Reads scripts as a JSON array of strings from standard input and writes, for each, null or what is
 * wrong with it. Run it as `node --expose-internals js_es3.js`: node carries the parser acorn for its own console,
 * and acorn knows the grammar of every edition, ES3 with its long list of reserved words included.
 */
'use strict';
const acorn = require('internal/deps/acorn/acorn/dist/acorn');

// What acorn lets pass although IE 6 to 8 choke on it, or read it in their own way.
function tooNew(text) {
  const foreign = /[^\n\x20-\x7e]/.exec(text);
  if (foreign) return `a character outside printable ASCII at ${foreign.index}`;
  const tokens = [];
  const options = { ecmaVersion: 3, allowReserved: 'never', sourceType: 'script', onToken: tokens };
  const program = acorn.parse(text, options);
  for (let i = 0; i + 1 < tokens.length; i += 1) {
    const pair = tokens[i].type.label + tokens[i + 1].type.label;
    if (pair === ',]') return `a trailing comma in an array at ${tokens[i].start}: IE counts one more element`;
    if (tokens[i].type.label === 'string' && /\\\n/.test(text.slice(tokens[i].start, tokens[i].end))) {
      return `a string over two lines at ${tokens[i].start}`;
    }
  }
  return oddity(program, null);
}

function oddity(node, parent) {
  if (node.type === 'FunctionExpression' && node.id) {
    return `a named function expression at ${node.start}: IE leaks its name`;
  }
  if (node.type === 'TryStatement' && !node.handler) return `try without catch at ${node.start}`;
  if (node.type === 'FunctionDeclaration' && parent.type !== 'Program' && parent.type !== 'FunctionBody') {
    return `a function declared inside a block at ${node.start}: each browser has its own idea of it`;
  }
  for (const key of Object.keys(node)) {
    for (const child of [].concat(node[key])) {
      if (!child || typeof child.type !== 'string') continue;
      const body = child.type === 'BlockStatement' && /^Function/.test(node.type);
      const found = oddity(body ? { ...child, type: 'FunctionBody' } : child, node);
      if (found) return found;
    }
  }
  return null;
}

const scripts = JSON.parse(require('fs').readFileSync(0, 'utf8'));
const verdicts = scripts.map((text) => {
  try {
    return tooNew(text);
  } catch (error) {
    return error.message;
  }
});
process.stdout.write(JSON.stringify(verdicts));
