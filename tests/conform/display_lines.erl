%% erlang:display/1 ends its line with both characters, on standard output; display_string/1 goes to standard error (25 only).
-module(display_lines).
-export([main/0]).

run(Code, To) ->
    Erl = filename:join([code:root_dir(), "bin", "erl"]),
    os:cmd("'" ++ Erl ++ "' -noinput -boot start_clean -eval '" ++ Code ++ ", halt().' " ++ To).

main() ->
    Code = "erlang:display({a, [1.5]}), erlang:display_string(\"text\"), erlang:display_nl()",
    [run(Code, "2>/dev/null"), run(Code, "2>&1 >/dev/null")].
