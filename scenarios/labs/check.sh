#!/bin/sh
# The functions that judge a student's work: sh check.sh FUNCTION ARGUMENTS, in a copy of what is handed in.
#
# The program sets LAB (the lab's files, with the student's values in them) and SEED. Status: 0 good; 1 wrong, with the
# reason on stdout, which never has the answer; any other: the check could not be made.
set -u

say() {
  for line in "$@"; do [ -z "$line" ] || printf '%s\n' "$line"; done
}

refuse() {
  say "$@"
  exit 1
}

could_not() {
  say "$@"
  exit 3
}

have() { # FILE
  [ -f "$1" ] || refuse "$1 is missing in your folder"
}

# -- answers

# The student's answer to a question: a number, in answers.txt.
answer_to() { # QUESTION
  have answers.txt
  # The last line with this name; without its comment, and without the marks of thousands.
  given=$(sed -n "/^[[:space:]]*$1[[:space:]]*:/{s/^[^:]*://;s/#.*//;s/^[[:space:]]*//;s/[[:space:]]*\$//;
    /^[0-9]\{1,3\}\([, ][0-9][0-9][0-9]\)*\$/s/[, ]//g;h;};\${x;p;}" answers.txt)
  case $given in
    '')
      ! grep -i "^[[:space:]]*$1\b" answers.txt | grep -qv "^[[:space:]]*$1[[:space:]]*:" ||
        refuse "answers.txt: write the answer to $1 in this form: $1: 5"
      refuse "answers.txt: there is no answer to $1 yet"
      ;;
    *[!0-9]*) refuse "answers.txt: $1: \"$given\" is not one number (digits only)" ;;
    ???????????*) refuse "answers.txt: $1: \"$given\" has too many digits" ;;
  esac
}

# Runs a scenario with some seeds from SEED on; the output goes to ran.txt, the status to $ran.
run_seeds() { # SCENARIO
  ringside run --strict --seed "$SEED..$((SEED + 3))" --out out "$1" >ran.txt 2>&1
  ran=$?
  case $ran in 0 | 2 | 4) ;; *) could_not "$1 could not run:" "$(tail -n 3 ran.txt)" ;; esac
}

# Runs a scenario of the lab for a question, with values. Of lines that end in "when Q is NAME" only those of the question
# are used.
ask() { # QUESTION SCENARIO NAME=VALUE...
  question=$1
  asked=$LAB/$2
  shift 2
  {
    echo 'scenario "a question"'
    for value in "$@"; do echo "let ${value%%=*} = ${value#*=}"; done
    sed -e "s/ when Q is $question\$//" -e '/ when Q is /d' -e "s|^include \"LAB/|include \"$LAB/|" "$asked"
  } >ask.scn
  run_seeds ask.scn
}

# The answer is what a run of the scenario gives.
answer() { # QUESTION SCENARIO NAME=VALUE...
  answer_to "$1"
  question=$1
  its_scenario=$2
  shift 2
  ask "$question" "$its_scenario" "ANSWER=$given" "$@"
  [ "$ran" = 0 ] || refuse "answers.txt: $question: a run gives another number than $given"
}

# The answer is the number of lines with this text in the journal of the student's scenario, after its last key.
counted() { # QUESTION TEXT
  answer_to "$1"
  holds follow.scn
  on_machine follow.scn
  ringside run follow.scn --seed 1 --journal ran.jsonl >ran.txt 2>&1 || could_not "$(tail -n 3 ran.txt)"
  lines=$(ringside view ran.jsonl --text | sed -n '/user types "k"/,$p' | grep -c "$2")
  [ "$lines" = "$given" ] || refuse "answers.txt: $1: a run gives another number than $given"
}

# It is the smallest number for which a run loses so many messages.
smallest() { # QUESTION SCENARIO LOST
  answer_to "$1"
  [ "$given" -ge 2 ] && [ "$given" -le 65536 ] || refuse "answers.txt: $1: $given is not possible"
  ask lost "$2" "BYTES=$given" "ANSWER=$3"
  [ "$ran" = 0 ] || refuse "answers.txt: $1: with $given bytes a run does not lose $3 messages"
  ask lost "$2" "BYTES=$((given - 1))" "ANSWER=$(($3 - 1))"
  [ "$ran" = 0 ] || refuse "answers.txt: $1: with $given bytes a run loses $3 messages, and with fewer bytes, too"
}

# -- scenarios of the student

# Runs the student's scenario on the lab's machine, with a fault: FILE.inc follows the machine's lines, FILE.machine replaces
# them.
on_machine() { # SCENARIO [FAULT]
  have "$1"
  grep -q '^[[:space:]]*include "machine.inc"' "$1" || refuse "$1 does not include \"machine.inc\": keep that line"
  case ${2:-} in
    *.machine) cat "$LAB/$2" ;;
    *) cat "$LAB/machine.inc.start" ${2:+"$LAB/$2"} ;;
  esac >machine.inc || could_not "the lab's files are incomplete"
  run_seeds "$1"
  [ "$ran" != 2 ] || refuse "$1 has an error:" "$(head -n 5 ran.txt)"
}

where() { # FAULT
  sed -n '1s/^# //p' "$LAB/$1"
}

# How many expectations failed, at most, in a run of the last scenario.
failures() {
  sed -n 's/^FAIL .*(1 of \([0-9]*\) failed expectations*[;)].*/\1/p' ran.txt | sort -n | tail -n 1 | grep . || echo 0
}

# It holds on a machine without a fault, with several orders of the same events.
holds() { # SCENARIO
  [ ! -f "held-$1" ] || return 0
  on_machine "$1"
  [ "$ran" = 0 ] || refuse "$1 fails on a machine without a fault:" "$(head -n 4 ran.txt)"
  : >"held-$1"
}

# It fails on a machine with this fault.
notices() { # SCENARIO FAULT
  holds "$1"
  on_machine "$1" "$2"
  [ "$(failures)" -gt 0 ] || refuse "$1 passes although $(where "$2")"
}

# So many more expectations fail with a fault early on the way than with a later one: they are in between.
tells() { # SCENARIO EARLIER LATER COUNT
  holds "$1"
  on_machine "$1" "$2"
  earlier=$(failures)
  on_machine "$1" "$3"
  between=$((earlier - $(failures)))
  [ "$between" -gt 0 ] ||
    refuse "$1 cannot tell a machine where $(where "$2")" "from one where $(where "$3"): expect something in between"
  [ "$between" -ge "$4" ] ||
    refuse "$1 has $between of $4 hops between this: $(where "$2")" "and this: $(where "$3")"
}

# -- attacks

# The files of acts are dom1's only, and with them the lab's scenario holds.
attack() { # FILE SCENARIO WHAT NAME=VALUE...
  for file in "$1" $(sed -n 's/^include "\([a-z]*.inc\)"$/\1/p' "$LAB/$2"); do
    have "$file"
    foreign=$(grep -n -v '^[[:space:]]*\(#.*\|dom1 .*\|\)$' "$file" | head -n 1)
    [ -z "$foreign" ] || refuse "$file:$foreign: only dom1 acts here: each line begins with dom1"
    grep -q '^[[:space:]]*dom1 ' "$file" || refuse "$file has no act yet"
  done
  its_scenario=$2
  what=$3
  shift 3
  ask attack "$its_scenario" "$@"
  [ "$ran" = 0 ] || refuse "$what" "$(sed -n '/^error/,/^ *|/p' ran.txt | grep -A2 '\.inc:' | head -n 3)"
}

# With so many events xcs of 2005 is done, and with one less it is not.
batches() { # QUESTION SCENARIO NAME=VALUE...
  answer_to "$1"
  [ "$given" -ge 2 ] && [ "$given" -le 100 ] || refuse "answers.txt: $1: it is not $given"
  ask "$@" "EVENTS=$given"
  [ "$ran" = 0 ] || refuse "answers.txt: $1: after $given events xcs is not done"
  ask "$@" "EVENTS=$((given - 1))"
  [ "$ran" != 0 ] || refuse "answers.txt: $1: fewer than $given events are enough"
}

# -- rings in C

a_compiler_is_there() {
  compiler=${CC:-cc}
  command -v "${compiler%% *}" >/dev/null || could_not "$compiler is not installed: this check needs a C compiler"
}

# Compiles it for the checker, unless an earlier check has done so.
ring_built() { # FILE OPTION...
  have "$1"
  [ "$(cat "$1.built" 2>/dev/null)" != "$*" ] || return 0
  a_compiler_is_there
  ringside ring-check --help >/dev/null 2>&1 || could_not "this ringside was built without ring-check"
  built=$*
  file=$1
  shift
  ringside ring-check cc -std=gnu11 -Wall -Werror=implicit-function-declaration "$@" -o "$file.so" "$file" >cc.txt 2>&1 ||
    refuse "$file does not compile:" "$(head -n 6 cc.txt)"
  printf '%s\n' "$built" >"$file.built"
}

# Checks it; the status goes to $checked, the output to checked.txt.
ring_checked() { # FILE MODEL OPTION...
  checked_file=$1
  model=$2
  shift 2
  ringside ring-check --ring "./$checked_file.so" --model "$model" --first "$@" >checked.txt 2>&1
  checked=$?
  case $checked in
    0 | 4) ;;
    *) grep -q "could not" checked.txt && refuse "ring-check cannot check $checked_file:" "$(head -n 6 checked.txt)"
       could_not "ring-check failed:" "$(tail -n 3 checked.txt)" ;;
  esac
}

ring_failure() {
  sed -n '/^  FAIL/,/^$/p' checked.txt | head -n 4
}

# With one thread it is a ring: it passes messages, in order, and all its accesses are seen.
ring_conforms() { # FILE OPTION...
  ring_built "$@"
  ring_checked "$1" sc --bound 0
  [ "$checked" = 0 ] || refuse "$1 is no ring yet:" "$(ring_failure)"
}

# It is right in all executions that ring-check tries.
ring_holds() { # FILE MODEL OPTION...
  file_of_ring=$1
  its_model=$2
  shift 2
  ring_built "$file_of_ring" "$@"
  ring_checked "$file_of_ring" "$its_model"
  [ "$checked" = 0 ] || refuse "$file_of_ring fails under $its_model:" "$(ring_failure)" \
    "Find it yourself: ringside ring-check --ring ./ring.so --model $its_model --first"
}

# It is a ring with one thread, right under the first models, and wrong under the last one.
ring_breaks() { # FILE MODEL...
  broken=$1
  shift
  ring_conforms "$broken" -O2
  while [ $# -gt 1 ]; do
    ring_checked "$broken" "$1"
    [ "$checked" = 0 ] || refuse "$broken already fails under $1:" "$(ring_failure)"
    shift
  done
  ring_checked "$broken" "$1"
  [ "$checked" = 4 ] || refuse "$broken holds under $1: ring-check finds no error in it"
}

# -- a controller in C

# How long a controller may make no progress. It ends a check that would wait for ever, and decides nothing else. A test
# of wrong controllers may shorten the last wait of a check: they are refused there, with the same reason at any time.
patience_s=30
last_patience_s=${LAB_LAST_PATIENCE_S:-$patience_s}

# Compiles a program with libringside.
compiled() { # PROGRAM SOURCE
  a_compiler_is_there
  # In a build tree the library is beside the program.
  tree=$(dirname "$(readlink "$(command -v ringside)")")/meson-uninstalled
  flags=$(PKG_CONFIG_PATH="$tree:${PKG_CONFIG_PATH:-}" pkg-config --cflags --libs ringside 2>&1) ||
    could_not "libringside is not installed:" "$flags"
  for flag in $flags; do
    case $flag in -L*) flags="$flags -Wl,-rpath,${flag#-L}" ;; esac
  done
  # shellcheck disable=SC2086
  ${CC:-cc} -std=gnu11 -Wall -o "$1" "$2" $flags >cc.txt 2>&1
}

controller_built() {
  have controller.c
  [ -f control_if.h ] || cp "$LAB/control_if.h.start" control_if.h
  [ -x controller ] || compiled controller controller.c || refuse "controller.c does not compile:" "$(head -n 6 cc.txt)"
}

# Starts a machine and, as domain 1, a guest without a console. The machine ends with the check.
guest() { # OPTION... -- PROGRAM
  controller_built
  rm -f verdict
  export RINGSIDE_DIR="$PWD/machine"
  controller=
  trap 'ended_by=$?; end_controller; ringside down >/dev/null 2>&1; exit $ended_by' EXIT
  trap 'exit 3' INT TERM HUP
  ringside up >up.txt 2>&1 && ringside create --no-console guest "$@" >>up.txt 2>&1 ||
    could_not "no machine:" "$(tail -n 3 up.txt)"
}

# Waits for the controller's end. Status: the controller's.
reap() {
  wait "$controller" 2>/dev/null
  set -- $?
  controller=
  return "$1"
}

# Whatever it does: it may be one that never ends.
end_controller() {
  [ -n "$controller" ] || return 0
  kill -9 "$controller"
  reap
}

# Runs the controller in the background, with input, until a condition holds; its output goes to shown.
control() { # INPUT PATIENCE_S CONDITION...
  : >shown
  ./controller 1 <"$1" >>shown 2>said &
  controller=$!
  shift
  await "$@"
}

# Fails when nothing changes for long. It looks seldom when nothing changes.
await() { # PATIENCE_S CONDITION...
  idle_ms_max=$(($1 * 1000))
  shift
  idle_ms=0
  pause_ms=50
  before=
  while ! "$@"; do
    now=$(wc -c <shown)
    [ "$now" = "$before" ] || { idle_ms=0; pause_ms=50; }
    before=$now
    [ "$idle_ms" -lt "$idle_ms_max" ] || return 1
    sleep "$(printf '%d.%03d' $((pause_ms / 1000)) $((pause_ms % 1000)))"
    idle_ms=$((idle_ms + pause_ms))
    pause_ms=$((pause_ms < 1000 ? pause_ms * 3 / 2 : 1500))
  done
}

# It comes last; the guest's kernel prints lines of its own before.
is_shown() { # FILE
  tail -c "$(wc -c <"$1")" shown | cmp -s - "$1"
}

has_ended() {
  [ ! -e "/proc/$controller" ] || grep -q '^State:.Z' "/proc/$controller/status"
}

is_judged() {
  [ -s verdict ]
}

difference() { # FILE
  if [ ! -s shown ]; then
    echo "nothing is shown"
  else
    echo "$(wc -c <shown) bytes are shown, and they do not end with the $(wc -c <"$1") bytes that belong there"
  fi
}

random_bytes() { # COUNT SEED: the same bytes for the same seed
  awk -v count="$1" -v seed="$2" 'BEGIN { srand(seed); for (; count > 0; --count) printf "%c", 33 + int(rand() * 90) }'
}

# What a guest prints is shown: so many bytes, among them all 256 values.
shows() { # COUNT
  { random_bytes "$1" "$SEED"; awk 'BEGIN { for (i = 0; i < 256; ++i) printf "\\%03o", i }' | xargs -0 printf; } >data
  guest --raw -- sh -c "cat '$PWD/data'; sleep 1000"
  control /dev/null "$last_patience_s" is_shown data || refuse "a guest prints $(wc -c <data) bytes: $(difference data)"
}

shows_line() {
  echo "The guest says $SEED." >data
  guest --raw -- sh -c "cat '$PWD/data'; sleep 1000"
  control /dev/null "$last_patience_s" is_shown data || refuse "a guest prints a line: $(difference data)"
}

# What is typed arrives: the guest's program sends it back when it has all of it.
types() { # COUNT
  random_bytes "$1" "$SEED" >data
  guest --raw -- sh -c "head -c $1; sleep 1000"
  control data "$last_patience_s" is_shown data || refuse "a program echoes $1 bytes of stdin: $(difference data)"
}

# It ends with the domain.
ends() {
  echo bye >data
  guest --raw -- echo bye
  control /dev/null "$last_patience_s" has_ended || refuse "the guest has ended, and the controller still runs"
  reap || refuse "the controller ended with status $?"
  is_shown data || refuse "what the guest printed last: $(difference data)"
}

ring_is_full() {
  ringside list | grep -q ' 8/8 '
}

# A second controller goes on where the first one was killed, with requests that were left without a response.
restarts() {
  random_bytes 3000 "$SEED" >data
  guest --raw -- sh -c "cat '$PWD/data'; while [ ! -e '$PWD/go' ]; do sleep 0.2; done; cat '$PWD/data'; sleep 1000"
  control /dev/null "$patience_s" is_shown data || refuse "before it is killed: $(difference data)"
  end_controller
  : >go
  await "$patience_s" ring_is_full || could_not "the guest did not fill its ring:" "$(ringside list)"
  control /dev/null "$last_patience_s" is_shown data || refuse "after a kill and a new start: $(difference data)"
}

# A guest of the lab judges the responses, and the output has only what should be shown.
judged() { # MODE SHOWN
  cp "$LAB/guest_if.h" "$LAB/guest.c" .
  [ -x judge ] || compiled judge guest.c || could_not "the guest does not compile:" "$(head -n 3 cc.txt)"
  guest --external -- "$PWD/judge" "$PWD/verdict" "$1"
  control /dev/null "$last_patience_s" is_judged || refuse "a guest that sends requests by itself waits for a response"
  [ "$(cat verdict)" = good ] || refuse "$(cat verdict)"
  shown=$(tr -c '[:print:]' '.' <shown | head -c 200)
  [ "$shown" = "$2" ] || refuse "of what this guest sent, \"$shown\" was shown"
}

"$@"
