%% Calls the functions of generated modules and writes what comes of it, a line for each call.
-module(judge).
-export([main/1]).

%% `[Directory, Output, Rounds]`: every module `random_*` there; the same call so many times, which must not change its result.
main([Dir, Output, Rounds]) ->
    process_flag(trap_exit, true),
    {ok, Out} = file:open(Output, [write, delayed_write]),
    [module(list_to_atom(filename:basename(F, ".beam")), list_to_integer(Rounds), Out) || F <- lists:sort(filelib:wildcard(filename:join(Dir, "random_*.beam")))],
    ok = file:close(Out),
    halt(0).

module(M, Rounds, Out) ->
    {_, Ref} = spawn_monitor(fun() ->
        Calls = try M:calls() catch C:R -> io:format(Out, "~s:calls = ~0p~n", [M, {C, R}]), [] end,
        [call(M, F, Args, Rounds, Out) || {F, All} <- Calls, Args <- All]
    end),
    receive {'DOWN', Ref, process, _, normal} -> ok; {'DOWN', Ref, process, _, Reason} -> io:format(Out, "~s:ended = ~0p~n", [M, Reason]) end.

call(M, F, Args, Rounds, Out) ->
    First = result(M, F, Args),
    Others = lists:usort([result(M, F, Args) || _ <- lists:seq(2, Rounds)]) -- [First],
    io:format(Out, "~s:~s ~0p = ~0p ~s~n", [M, F, erlang:phash2(Args), {erlang:phash2(First), Others}, text(First)]).

%% What a person looks at. A large map has no order that machines agree on: then the digest must do.
text(Result) ->
    case is_ordered(Result) of
        true -> lists:sublist(lists:flatten(io_lib:format(format(), [Result])), 400);
        false -> "(a large map)"
    end.

is_ordered([H | T]) -> is_ordered(H) andalso is_ordered(T);
is_ordered(T) when is_tuple(T) -> is_ordered(tuple_to_list(T));
is_ordered(M) when is_map(M) -> map_size(M) =< 32 andalso is_ordered(maps:to_list(M));
is_ordered(_) -> true.

%% Small maps in the order of terms, where the release has a way to ask for that.
format() -> try io_lib:format("~0kp", [#{}]) of _ -> "~0kp" catch error:badarg -> "~0p" end.

%% In a process of its own, so that stacks are the same wherever it is called from.
result(M, F, Args) ->
    {_, Ref} = spawn_monitor(fun() -> exit({result, outcome(M, F, Args)}) end),
    receive {'DOWN', Ref, process, _, Reason} -> Reason end.

outcome(M, F, Args) ->
    R = try {ok, apply(M, F, Args)}
        catch C:E:S -> {C, E, [{Fun, if is_list(A) -> length(A); true -> A end, proplists:get_value(line, L)} || {Mod, Fun, A, L} <- S, Mod =:= M]} end,
    {R, erase()}.
