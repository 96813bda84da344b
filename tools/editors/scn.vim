" Vim syntax for ringside's scenarios (.scn). tools/editors/README.md says how to install it.
if exists("b:current_syntax")
  finish
endif

" Keywords consist of letters, digits, _ and -: xcs-drop-when-full. A dot separates keywords: dom1.tx.
syntax iskeyword @,48-57,_,-

syntax keyword scnSetting scenario seed mode abi answer controller timeout speed cuts golden tag include quirk param cases let ignore
syntax keyword scnStatement expect never fault repeat together end after
syntax keyword scnActor xen dom0 xcs xend xenctld xenconsoled uart user client
syntax keyword scnVerb creates boots pauses unpauses destroys kills suspends resumes prints logs throttles unthrottles ends writes sets adds fills
syntax keyword scnVerb notifies stops starts stalls connects disconnects types attaches detaches opens closes
syntax keyword scnVerb binds unbinds sends says reads sees shows receives forwards moves takes refuses
syntax keyword scnCounter refused dropped queued lost twice queued_messages refused_messages refused_responses
syntax keyword scnCounter index_faults length_faults waiting unclaimed pushbacks ignored refused_calls cut
syntax keyword scnCounter cut_off expired abandoned overflows waiting_virqs dropped_output overrun errors
syntax keyword scnCounter breaks strays unknown_ids
syntax keyword scnValue console blkif-be blkif-fe netif-be netif-fe shutdown mem-request usbif-be usbif-fe
syntax keyword scnValue vcpu-hotplug debug timer dom-exc debugger ok failed areconnected badsession nosession
syntax keyword scnValue coninuse badrequest poweroff reboot suspend sysrq set sim both sring flat
syntax keyword scnGlue to from by as in one write on off of is when within now for until settles changes no
syntax keyword scnGlue more bytes byte event events message messages next every heals all drops delays
syntax keyword scnGlue duplicates reorders real stale and answering reading behind running shell pty tcp unix control
syntax keyword scnGlue data session port type any local remote bye virq bites request response subtype id
syntax keyword scnGlue length tx rx req_prod rsp_prod at typing out out_prod out_cons in_prod in_cons
syntax match scnDomain "\<dom\d\+\>"
syntax match scnNumber "\<\(0x\x\+\|\d\+\(\.\d\+\)\?\(ns\|us\|ms\|s\|min\|KiB\|MiB\)\?\)\>%\?"
syntax match scnOperator "->\|\.\.\.\|\.\.\|[<>!=]=\|[<>=,]"
syntax match scnName "{[A-Z][A-Z0-9_]*}"
syntax match scnEscape contained "\\\(x\x\x\|[nrt0e\"\\{]\)"
syntax match scnBadEscape contained "\\[^xnrt0e\"\\{]"
syntax region scnText start=+"+ skip=+\\.+ end=+"+ oneline contains=scnEscape,scnBadEscape,scnName
syntax match scnBytes "|[0-9a-fA-F ]*|"
syntax region scnPattern start="/" skip="\\." end="/" oneline contains=scnName
syntax match scnComment "#.*$"
syntax match scnPhase "^\s*##.*$"

highlight default link scnSetting PreProc
highlight default link scnStatement Statement
highlight default link scnActor Identifier
highlight default link scnDomain Identifier
highlight default link scnVerb Function
highlight default link scnCounter Type
highlight default link scnValue Constant
highlight default link scnGlue Keyword
highlight default link scnNumber Number
highlight default link scnOperator Operator
highlight default link scnName Special
highlight default link scnEscape SpecialChar
highlight default link scnBadEscape Error
highlight default link scnText String
highlight default link scnBytes String
highlight default link scnPattern String
highlight default link scnComment Comment
highlight default link scnPhase Title

let b:current_syntax = "scn"
