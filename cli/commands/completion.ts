import { Misuse, type Run } from "../command.ts";

/** Each script asks `lighthouse __complete` for the words so far and offers what it prints. */
const scripts: Readonly<Record<string, string>> = {
  bash: `# bash completion for lighthouse
_lighthouse() {
  local IFS=$'\\n'
  local words=("\${COMP_WORDS[@]:1:COMP_CWORD}")
  COMPREPLY=($(lighthouse __complete -- "\${words[@]}" 2>/dev/null | cut -f1))
  if [ "\${#COMPREPLY[@]}" -eq 1 ] && [ "\${COMPREPLY[0]}" = ":file" ]; then
    COMPREPLY=($(compgen -f -- "\${COMP_WORDS[COMP_CWORD]}"))
    compopt -o filenames 2>/dev/null
  fi
}
complete -F _lighthouse lighthouse
`,
  zsh: `#compdef lighthouse
_lighthouse() {
  local -a lines offers
  lines=("\${(@f)$(lighthouse __complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  if [[ "$lines" == ":file" ]]; then _files; return; fi
  local line
  for line in $lines; do offers+=("\${\${line%%$'\\t'*}//:/\\\\:}:\${line#*$'\\t'}"); done
  _describe lighthouse offers
}
compdef _lighthouse lighthouse
`,
  fish: `# fish completion for lighthouse
function __lighthouse_complete
  set -l words (commandline -opc) (commandline -ct)
  set -l offers (lighthouse __complete -- $words[2..-1] 2>/dev/null)
  if test "$offers" = ":file"
    __fish_complete_path (commandline -ct)
  else
    printf '%s\\n' $offers
  end
end
complete -c lighthouse -f -a '(__lighthouse_complete)'
`,
};

/** `lighthouse completion`. */
export const runCompletion: Run = async ({ args: [shell, ...more], io }) => {
  const script = shell === undefined ? undefined : scripts[shell];
  if (script === undefined || more.length > 0) {
    throw new Misuse(`Give one shell: ${Object.keys(scripts).join(", ")}`);
  }
  io.out(script);
  return 0;
};
