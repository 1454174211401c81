#!/bin/sh
# Makes static/yjs.js anew from the packages named below; needs Node and npm, which nothing else here does.
#
#   sh sample_app/vendor/yjs.sh
#
# One file, so that pages need no package manager; minified, as nobody reads it here; versions pinned, so that it comes
# out the same. The licences, which ask to be passed on with every copy, stand at its head.
set -eu
YJS=13.6.33 LIB0=0.2.120 ISOMORPHIC=0.2.5 ESBUILD=0.28.2

here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
echo '{"private": true}' > package.json
npm install --silent --no-audit --no-fund --save-exact \
    "yjs@$YJS" "lib0@$LIB0" "isomorphic.js@$ISOMORPHIC" "esbuild@$ESBUILD"
echo "export {Doc, UndoManager, applyUpdate, mergeUpdates} from 'yjs';" > entry.js
{
    printf '/*!\n * Yjs %s, with lib0 %s and isomorphic.js %s. Made by sample_app/vendor/yjs.sh with esbuild %s.\n' \
        "$YJS" "$LIB0" "$ISOMORPHIC" "$ESBUILD"
    for name in yjs lib0 isomorphic.js; do
        printf ' *\n * %s:\n *\n' "$name"
        sed 's/^/ * /; s/ *$//' "node_modules/$name/LICENSE"
    done
    printf ' */\n'
    # es2018: every browser that knows modules, and nothing that only newer ones do.
    npx esbuild entry.js --bundle --minify --format=esm --target=es2018 --legal-comments=none --log-level=warning
} > yjs.js
mv yjs.js "$here/../static/yjs.js"
echo "made static/yjs.js: Yjs $YJS, $(wc -c < "$here/../static/yjs.js") bytes"
