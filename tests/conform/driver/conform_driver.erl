%% Runs cases, one after the other, in a node of its own: `-run conform_driver main OUTDIR CASE..`.
%% A case is a module with main/0; its answer, printed by ~p, goes to OUTDIR/CASE.out. A case that a time limit ended
%% or that crashed says so there. What is written survives the node, so that the runner knows how far it came.
-module(conform_driver).
-export([main/1]).

main([Dir | Cases]) ->
    lists:foreach(fun(Case) -> run(Dir, Case) end, Cases),
    halt(0).

run(Dir, Case) ->
    Module = list_to_atom(Case),
    {Pid, Ref} = spawn_monitor(fun() -> exit({answer, answer(Module)}) end),
    Text = receive
               {'DOWN', Ref, process, Pid, {answer, Answer}} -> Answer;
               {'DOWN', Ref, process, Pid, Reason} -> io_lib:format("ended: ~p~n", [Reason])
           after seconds() * 1000 ->
               exit(Pid, kill),
               io_lib:format("no answer within ~b s~n", [seconds()])
           end,
    ok = file:write_file(filename:join(Dir, Case ++ ".out"), unicode:characters_to_binary(Text)),
    clean().

answer(Module) ->
    try Module:main() of
        Term -> io_lib:format(format(), [Term])
    catch
        Class:Reason:Stack ->
            io_lib:format("~p: ~p~n~p~n", [Class, Reason, [{M, F, A} || {M, F, A, _} <- Stack, is_integer(A)]])
    end.

%% From 26 on small maps have their atom keys in the order in which the node met those atoms: k prints them in term order.
format() ->
    try io_lib:format("~kp", [#{}]) of
        _ -> "~kp~n"
    catch
        error:badarg -> "~p~n"
    end.

%% What a case leaves behind is not the next one's.
clean() ->
    receive _ -> clean() after 0 -> ok end.

%% A case may take so long.
seconds() ->
    list_to_integer(os:getenv("CONFORM_SECONDS", "30")).
