%% Runs one suite under OTP's own common_test and writes down, as it happens, what became of each case:
%% lines `start CASE`, `end CASE`, `fail CASE REASON`, `skip CASE REASON`, and at last `done`.
-module(conform_hook).
-export([main/1]).
-export([id/1, init/2, pre_init_per_testcase/4, post_end_per_testcase/5, on_tc_fail/4, on_tc_skip/4]).

%% The last argument, if there is one, names the only cases to run, with commas between.
main([Suite, Dir, LogDir, File, Minutes, Factor | Only]) ->
    application:set_env(common_test, auto_compile, false),
    Options = [{suite, Suite}, {dir, Dir}, {logdir, LogDir}, {auto_compile, false}, {ct_hooks, [{?MODULE, File}]},
               {multiply_timetraps, list_to_integer(Factor)}, {scale_timetraps, false}, {esc_chars, false}, {verbosity, 0},
               {event_handler, []} | [{timetrap, {minutes, list_to_integer(Minutes)}} || Minutes =/= "0"]],
    [ct:run_test(Which ++ Options) || Which <- which(list_to_atom(Suite), Only)],
    say(File, "done", []),
    halt(0).

which(_, []) -> [[]];
which(Suite, [Names]) ->
    Cases = [list_to_atom(C) || C <- string:lexemes(Names, ",")],
    {Plain, Grouped} = lists:partition(fun(C) -> lists:member(C, Suite:all()) end, Cases),
    [[{testcase, Plain}] || Plain =/= []] ++ [[{group, all}, {testcase, Grouped}] || Grouped =/= []].

id(File) -> File.
init(File, _) -> {ok, File}.

pre_init_per_testcase(_Suite, Case, Config, File) -> say(File, "start ~ts", [Case]), {Config, File}.
post_end_per_testcase(_Suite, Case, _Config, Return, File) -> say(File, "end ~ts", [Case]), {Return, File}.
on_tc_fail(_Suite, Case, Reason, File) -> say(File, "fail ~ts ~0tP", [name(Case), Reason, 25]), File.
on_tc_skip(_Suite, Case, Reason, File) -> say(File, "skip ~ts ~0tP", [name(Case), Reason, 15]), File.

name({Case, _Group}) -> Case;
name(Case) -> Case.

say(File, Format, Args) ->
    Line = unicode:characters_to_binary(lists:flatten(string:replace(io_lib:format(Format, Args), "\n", " ", all))),
    ok = file:write_file(File, [Line, $\n], [append]).
