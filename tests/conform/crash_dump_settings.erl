%% The variables of the crash dump are read when it is written: what the node itself has put into its environment counts.
-module(crash_dump_settings).
-export([main/0]).

main() ->
    {ok, [[Erl]]} = init:get_argument(progname),
    Dir = filename:join(element(2, file:get_cwd()), "crash_dump_settings.dir"),
    _ = file:del_dir_r(Dir),
    ok = file:make_dir(Dir),
    All = [{Name, ended(Erl, Dir, Variables)} || {Name, Variables} <- settings()],
    ok = file:del_dir_r(Dir),
    All.

settings() ->
    [{place, [{"ERL_CRASH_DUMP", "here"}]},
     {none, [{"ERL_CRASH_DUMP_SECONDS", "0"}]},
     {none_yet, [{"ERL_CRASH_DUMP_SECONDS", "x"}]},
     {for_ever, [{"ERL_CRASH_DUMP_SECONDS", "-1"}]},
     {time, [{"ERL_CRASH_DUMP_SECONDS", "60"}]},
     {no_bytes, [{"ERL_CRASH_DUMP_BYTES", "0"}]},
     {few_bytes, [{"ERL_CRASH_DUMP_BYTES", "300"}]},
     {any_bytes, [{"ERL_CRASH_DUMP_BYTES", "-1"}]},
     {no_number, [{"ERL_CRASH_DUMP_BYTES", "x"}]}].

%% What the node says, its status, the files it leaves, each with its size if it is cut off.
ended(Erl, Dir, Variables) ->
    Unset = [{N, false} || N <- ["ERL_CRASH_DUMP", "ERL_CRASH_DUMP_SECONDS", "ERL_CRASH_DUMP_BYTES"]],
    Puts = [io_lib:format("os:putenv(~p,~p),", [N, V]) || {N, V} <- Variables],
    Program = lists:flatten([Puts, "halt(\"why\")."]),
    Port = open_port({spawn_executable, os:find_executable(Erl)},
                     [{args, ["-noshell", "-eval", Program]}, {cd, Dir}, {env, Unset}, stderr_to_stdout, exit_status, binary]),
    {Status, Said} = said(Port, <<>>),
    {ok, Files} = file:list_dir(Dir),
    Left = [begin
                Path = filename:join(Dir, F),
                {ok, Dump} = file:read_file(Path),
                ok = file:delete(Path),
                {F, dump(Dump)}
            end || F <- lists:sort(Files)],
    {Status, Said, Left}.

said(Port, Said) ->
    receive
        {Port, {data, More}} -> said(Port, <<Said/binary, More/binary>>);
        {Port, {exit_status, Status}} -> {Status, Said}
    end.

dump(<<"=erl_crash_dump:0.5\n", _/binary>> = Dump) ->
    case binary:split(Dump, <<"\n=abort:">>) of
        [Part, Why] -> {cut, byte_size(Part), Why};
        [_] -> {whole, binary:part(Dump, byte_size(Dump), -5)}
    end.
