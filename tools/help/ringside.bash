# bash completion for ringside: `ringside complete` knows what can follow.
_ringside() {
  local line=${COMP_LINE:0:COMP_POINT} program=${COMP_WORDS[0]/#\~/$HOME} candidate strip='' suffix
  local -a words
  read -ra words <<<"$line"
  if [[ $line == *[[:space:]] ]]; then words+=(''); fi
  local current=${words[-1]}
  # readline replaces only what follows the = of a word.
  if [[ $current == -*=* && $COMP_WORDBREAKS == *=* ]]; then strip=${current%%=*}=; fi
  local begun=${current#"$strip"}
  COMPREPLY=()
  while IFS= read -r candidate; do
    case $candidate in
      :files*)
        suffix=${candidate#:files}
        compopt -o filenames
        while IFS= read -r candidate; do COMPREPLY+=("$candidate"); done \
          < <(compgen -f -X "!*${suffix# }" -- "$begun"; [[ $suffix ]] && compgen -d -- "$begun")
        ;;
      :directories)
        compopt -o filenames
        while IFS= read -r candidate; do COMPREPLY+=("$candidate"); done < <(compgen -d -- "$begun")
        ;;
      :programs)
        while IFS= read -r candidate; do COMPREPLY+=("$candidate"); done < <(compgen -c -- "$begun")
        ;;
      *)
        candidate=${candidate%%$'\t'*}
        COMPREPLY+=("${candidate#"$strip"}")
        ;;
    esac
  done < <("$program" complete "${words[@]}" 2>/dev/null)
}
complete -F _ringside ringside
