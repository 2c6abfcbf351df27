# Completes the words of pinstall in fish. Written by docs/tables.py: change that.

function __pinstall_in --description 'Check whether the command is one of these'
    set -l words (commandline -opc)
    set -l command install
    contains -- "$words[2]" install check lock why cache undo help; and set command $words[2]
    contains -- $command $argv
end

function __pinstall_first --description 'Check whether the word is the first one'
    test (count (commandline -opc)) -eq 1
end

complete -c pinstall -f
complete -c pinstall -n '__pinstall_in install check lock why' -F
complete -c pinstall -n '__pinstall_first' -a install -d 'Install pinned packages'
complete -c pinstall -n '__pinstall_first' -a check -d 'List what install would change'
complete -c pinstall -n '__pinstall_first' -a lock -d 'Resolve, and write pins with hashes'
complete -c pinstall -n '__pinstall_first' -a why -d 'Explain the state of one package'
complete -c pinstall -n '__pinstall_first' -a cache -d 'Print the path and size of pip'\''s cache'
complete -c pinstall -n '__pinstall_first' -a undo -d 'Move the files of the latest run back'
complete -c pinstall -n '__pinstall_first' -a help -d 'Print help'
complete -c pinstall -n '__pinstall_in cache; and not __fish_seen_subcommand_from list verify evict shelf' -a list -d 'List wheels and downloads in the cache'
complete -c pinstall -n '__pinstall_in cache; and not __fish_seen_subcommand_from list verify evict shelf' -a verify -d 'Check the files in the cache'
complete -c pinstall -n '__pinstall_in cache; and not __fish_seen_subcommand_from list verify evict shelf' -a evict -d 'Move matching files to the shelf'
complete -c pinstall -n '__pinstall_in cache; and not __fish_seen_subcommand_from list verify evict shelf' -a shelf -d 'List the files on the shelf, with reasons'
complete -c pinstall -n '__pinstall_in help' -a 'install check lock why cache undo help settings'
complete -c pinstall -n '__pinstall_in install check lock why' -l abi -l all-releases -s C -l config-settings -l group -l implementation -l no-binary \
    -l only-binary -l only-final -l platform -l proxy -l python-version -l refresh-package \
    -l resume-retries -l retries -l timeout -l uploaded-prior-to -l use-deprecated -x
complete -c pinstall -n '__pinstall_in install check lock why' -l break-system-packages -l check-build-dependencies -l compile -l debug -l dry-run \
    -l force-reinstall -s I -l ignore-installed -l ignore-requires-python -l no-build-isolation \
    -l no-clean -l no-compile -l no-deps -l no-index -l no-proxy-env -l no-python-version-warning \
    -l no-require-hashes -l no-user -l no-warn-conflicts -l no-warn-script-location -l only-deps \
    -l pre -l prefer-binary -l require-hashes -l require-virtualenv -l use-pep517 -l user
complete -c pinstall -n '__pinstall_in install check lock why' -l build-constraint -l cert -l client-cert -s c -l constraint -l report -l requirements-from-script -rF
complete -c pinstall -n '__pinstall_in install check lock why' -l cache-dir -s e -l editable -s f -l find-links -l prefix -l root -l src -s t -l target -xa '(__fish_complete_directories)'
complete -c pinstall -n '__pinstall_in install check lock why cache undo' -l disable-pip-version-check -l isolated -l no-cache-dir -l no-color -l no-input
complete -c pinstall -n '__pinstall_in install check lock why' -l exists-action -xa 's i w b a'
complete -c pinstall -n '__pinstall_in install check lock why cache undo' -l extra-index-url -s i -l index-url -l trusted-host -x
complete -c pinstall -n '__pinstall_in install check lock why cache undo help' -s h -l help -d 'Print help'
complete -c pinstall -n '__pinstall_in install check lock why cache undo' -l json -d 'Print the result as JSON on standard output'
complete -c pinstall -n '__pinstall_in install check lock why' -l keyring-provider -xa 'auto disabled import subprocess'
complete -c pinstall -n '__pinstall_in install check lock why cache undo' -l log -rF
complete -c pinstall -n '__pinstall_in install check lock why' -l pin -xa 'unpinned=refuse unpinned=warn unpinned=allow evict=mismatched evict=contradicting evict=never builds=any builds=recorded unproven=reinstall unproven=accept unproven=refuse origin=any origin=index location=any location=environment hold=keep hold=ignore hold=forget closure=allow closure=warn closure=refuse ambiguous=allow ambiguous=warn ambiguous=refuse unowned=allow unowned=warn unowned=refuse unmanaged= bytecode=parallel bytecode=pip stamp=full stamp=quick stamp=off report=' -d 'Change a setting, see pinstall help settings'
complete -c pinstall -n '__pinstall_in install check lock why cache undo' -l progress-bar -xa 'auto on off raw'
complete -c pinstall -n '__pinstall_in install' -l python -rF -d 'Install for this interpreter; it needs pip, not pinstall'
complete -c pinstall -n '__pinstall_in install' -s q -l quiet -d 'Print only errors, and the edited files that were replaced'
complete -c pinstall -n '__pinstall_in install' -s r -l requirement -rF -d 'Install the requirements in this file'
complete -c pinstall -n '__pinstall_in install check lock why' -l root-user-action -xa 'warn ignore'
complete -c pinstall -n '__pinstall_in install check why' -s U -l upgrade
complete -c pinstall -n '__pinstall_in install check lock why' -l upgrade-strategy -xa 'only-if-needed eager'
complete -c pinstall -n '__pinstall_in install check lock why' -l use-feature -xa 'fast-deps truststore'
complete -c pinstall -n '__pinstall_in install' -s v -l verbose -d 'Print the reason for each pin that is not satisfied'
complete -c pinstall -n '__pinstall_in install' -l version -d 'Print the version of pinstall'
complete -c pinstall -n '__pinstall_in check' -l deep -d 'Read every installed file'
complete -c pinstall -n '__pinstall_in check' -l exact -d 'Also list packages that no pin explains'
complete -c pinstall -n '__pinstall_in check' -l format -xa 'sarif gitlab github' -d 'Print the findings in this format'
complete -c pinstall -n '__pinstall_in check' -l pinned -d 'List the lines that are not pins'
complete -c pinstall -n '__pinstall_in check lock why' -l python -s r -l requirement -rF
complete -c pinstall -n '__pinstall_in check lock why cache undo' -s q -l quiet -s v -l verbose
complete -c pinstall -n '__pinstall_in lock' -l all-extras -l no-annotate -l no-header -l strip-extras
complete -c pinstall -n '__pinstall_in lock' -l check -d 'Write nothing, print what would change, as --dry-run does; --json needs it'
complete -c pinstall -n '__pinstall_in lock' -l extra -x -d 'Also lock this extra of the project; --all-extras locks all of them'
complete -c pinstall -n '__pinstall_in lock' -l force -d 'Replace FILE even if it is not a lock file'
complete -c pinstall -n '__pinstall_in lock' -l no-hashes -d 'Leave hashes out; there are also --no-header, --no-annotate, --strip-extras'
complete -c pinstall -n '__pinstall_in lock' -s o -l output-file -rF -d 'Write to FILE, and keep its pins'
complete -c pinstall -n '__pinstall_in lock' -s U -l upgrade -d 'Ignore the pins in FILE'
complete -c pinstall -n '__pinstall_in lock' -s P -l upgrade-package -x -d 'Ignore the pin of this package; NAME<3 also bounds it'
complete -c pinstall -n '__pinstall_in cache undo' -l cache-dir -xa '(__fish_complete_directories)' -d 'Use this cache'
complete -c pinstall -n '__pinstall_in cache' -l evict -d 'Move the files with a finding to the shelf'
complete -c pinstall -n '__pinstall_in cache undo' -l python -rF -d 'Use the environment of this interpreter, and the cache of its pip'
