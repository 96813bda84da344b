# fish completion for ringside: `ringside complete` knows what can follow.
function __ringside_complete
    set -l words (commandline -opc)
    set -l begun "$(commandline -ct)"
    set -l program (string replace -r '^~' -- $HOME $words[1])
    # "--html=" stays in front of a path.
    set -l option (string match -r -- '^-[^=]*=' $begun)
    set -l path (string replace -r -- '^-[^=]*=' '' $begun)
    for line in ($program complete $words $begun 2>/dev/null)
        switch $line
            case ':files*'
                set -l suffix (string replace -r '^:files ?' '' -- $line)
                for file in (__fish_complete_path $path)
                    if string match -q -- "*$suffix" (string split -f 1 \t -- $file); or string match -q -- '*/*' $file
                        echo "$option$file"
                    end
                end
            case ':directories'
                for folder in (__fish_complete_directories $path '')
                    echo "$option$folder"
                end
            case ':programs'
                __fish_complete_command
            case '*'
                echo $line
        end
    end
end
complete -c ringside -f -a '(__ringside_complete)'
