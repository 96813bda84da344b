" What Vim does with a scenario: `gq` lays it out, `:make` checks it, `:cnext` goes to the next mistake.
if exists("b:did_ftplugin")
  finish
endif
let b:did_ftplugin = 1

setlocal commentstring=#\ %s expandtab shiftwidth=2
setlocal formatprg=ringside\ fmt\ -
setlocal makeprg=ringside\ check-scn\ %
setlocal errorformat=%E%trror[%*[^]]]:\ %m,%W%tarning[%*[^]]]:\ %m,%C\ %#-->\ %f:%l:%c%.%#,%C%.%#\|%.%#,%-G%.%#
