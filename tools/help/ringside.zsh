#compdef ringside
# zsh completion for ringside: `ringside complete` knows what can follow.
local line name suffix
local -a candidates
for line in ${(f)"$(${words[1]/#\~/$HOME} complete "${(@Q)words[1,CURRENT-1]}" "${(Q)PREFIX}" 2>/dev/null)"}; do
  case $line in
    :files*)
      suffix=${${line#:files}# }
      compset -P '-*='
      if [[ -n $suffix ]]; then _files -g "*$suffix"; else _files; fi
      ;;
    :directories)
      compset -P '-*='
      _files -/
      ;;
    :programs) _command_names -e ;;
    *)
      name=${line%%$'\t'*}
      candidates+=("${name//:/\\:}:${line#*$'\t'}")
      ;;
  esac
done
if (( $#candidates )); then _describe ringside candidates; fi
