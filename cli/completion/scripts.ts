/** Shells that completion is written for. */
export const SHELLS = ['bash', 'zsh', 'fish'] as const;
export type CompletedShell = (typeof SHELLS)[number];

/** Said instead of words: the shell knows files better. A name cannot begin with a colon. */
export const FILES = ':files';

/** What is asked, by a command that is in no help: it is between the scripts below and the program. */
export const ASKED_BY_SHELL = 'complete';

/** The word that was typed to begin with is asked, so that each checkout completes by itself. */
const BASH = `# bash completion for ingot: eval "$(ingot completion bash)"
_ingot() {
  local line="\${COMP_LINE:0:COMP_POINT}" IFS=$'\\n' words
  words=$("\${COMP_WORDS[0]}" ${ASKED_BY_SHELL} --line "$line" 2>/dev/null)
  if [[ $words == ${FILES} ]]; then
    compopt -o default 2>/dev/null
    COMPREPLY=()
    return
  fi
  COMPREPLY=($words)
  # What ends in = is not ended yet.
  if [[ \${#COMPREPLY[@]} -eq 1 && \${COMPREPLY[0]} == *= ]]; then compopt -o nospace 2>/dev/null; fi
}
complete -F _ingot ingot
`;

const ZSH = `#compdef ingot
# zsh completion for ingot: source <(ingot completion zsh), or as a file _ingot in a folder of $fpath
_ingot() {
  local -a lines found about
  local line word
  lines=(\${(f)"$(\${words[1]} ${ASKED_BY_SHELL} -- "\${(@Q)words[2,CURRENT]}" 2>/dev/null)"})
  if [[ $lines[1] == ${FILES} ]]; then
    _files
    return
  fi
  for line in $lines; do
    word=\${line%%$'\\t'*}
    found+=("$word")
    if [[ $line == *$'\\t'* ]]; then about+=("$word  -- \${line#*$'\\t'}"); else about+=("$word"); fi
  done
  (( $#found )) && compadd -l -d about -a found
}
if [[ $funcstack[1] == _ingot ]]; then
  _ingot "$@"
elif (( $+functions[compdef] )); then
  compdef _ingot ingot
fi
`;

const FISH = `# fish completion for ingot: ingot completion fish | source
function __ingot_complete
    set -l words (commandline -opc)
    set -l found ($words[1] ${ASKED_BY_SHELL} -- $words[2..-1] (commandline -ct) 2>/dev/null)
    if test "$found[1]" = ${FILES}
        __fish_complete_path (commandline -ct)
    else
        printf '%s\\n' $found
    end
end
complete -c ingot -f -a '(__ingot_complete)'
`;

const SCRIPTS: Readonly<Record<CompletedShell, string>> = { bash: BASH, zsh: ZSH, fish: FISH };
export const completionScript = (shell: CompletedShell): string => SCRIPTS[shell];
