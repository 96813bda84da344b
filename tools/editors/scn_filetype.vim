" Vim commands for scenarios: `gq` formats, `:make` checks, `:cnext` goes to the next error.
if exists("b:did_ftplugin")
  finish
endif
let b:did_ftplugin = 1

setlocal commentstring=#\ %s expandtab shiftwidth=2
setlocal formatprg=ringside\ fmt\ -
setlocal makeprg=ringside\ check-scn\ %
setlocal errorformat=%E%trror[%*[^]]]:\ %m,%W%tarning[%*[^]]]:\ %m,%C\ %#-->\ %f:%l:%c%.%#,%C%.%#\|%.%#,%-G%.%#
