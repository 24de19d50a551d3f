%% Where heart waits for the node's end it hears of the crash first, and there is no dump unless ERL_CRASH_DUMP_SECONDS allows time for one.
-module(crash_dump_heart).
-export([main/0]).

main() ->
    {ok, [[Erl]]} = init:get_argument(progname),
    Dir = filename:join(element(2, file:get_cwd()), "crash_dump_heart.dir"),
    _ = file:del_dir_r(Dir),
    ok = file:make_dir(Dir),
    All = [{Seconds, ended(Erl, Dir, Seconds)} || Seconds <- [false, "0", "10", "-1"]],
    ok = file:del_dir_r(Dir),
    All.

%% What heart says, and the files that the node leaves.
ended(Erl, Dir, Seconds) ->
    %% The pipe ends when heart does, too.
    Command = "\"$0\" -heart -noshell -eval 'halt(\"why\").' 2>&1 < /dev/null | cat",
    Variables = [{"ERL_CRASH_DUMP", "dump"}, {"ERL_CRASH_DUMP_SECONDS", Seconds}, {"HEART_COMMAND", false}],
    Port = open_port({spawn_executable, "/bin/sh"},
                     [{args, ["-c", Command, os:find_executable(Erl)]}, {cd, Dir}, {env, Variables}, exit_status, binary]),
    Said = said(Port, <<>>),
    {ok, Files} = file:list_dir(Dir),
    [ok = file:delete(filename:join(Dir, F)) || F <- Files],
    {[Phrase || Phrase <- [<<"Erlang is crashing">>, <<"Erlang has closed">>, <<"Would reboot">>], binary:match(Said, Phrase) =/= nomatch], Files}.

said(Port, Said) ->
    receive
        {Port, {data, More}} -> said(Port, <<Said/binary, More/binary>>);
        {Port, {exit_status, 0}} -> Said
    end.
