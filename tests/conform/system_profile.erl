%% system_profile tells when a process becomes runnable and stops being so, with the place and the time. (timing)
-module(system_profile).
-export([main/0, waits/1]).

main() -> [events(F) || F <- [[], [timestamp], [monotonic_timestamp], [strict_monotonic_timestamp]]] ++ [itself(), erlang:system_profile()].

events(Stamp) ->
    Me = self(),
    Pid = spawn(?MODULE, waits, [Me]),
    timer:sleep(50),
    Profiler = spawn(fun() -> collect([]) end),
    undefined = erlang:system_profile(Profiler, [runnable_procs | Stamp]),
    [begin Pid ! go, receive gone -> ok end, timer:sleep(20) end || _ <- [1, 2, 3]],
    Ref = monitor(process, Pid),
    Pid ! stop,
    receive {'DOWN', Ref, _, _, R} -> R end,
    timer:sleep(50),
    {Profiler, Options} = erlang:system_profile(undefined, []),
    Profiler ! {self(), all},
    All = receive {Profiler, L} -> L end,
    Mine = [{What, place(Where), kind(When)} || {profile, P, What, Where, When} <- All, P =:= Pid],
    exit(Profiler, kill),
    {Stamp, Options, R, Mine, lists:all(fun(E) -> tuple_size(E) =:= 5 end, All)}.

waits(Me) ->
    receive
        go -> Me ! gone, ?MODULE:waits(Me);
        stop -> bye
    end.

place({M, F, A}) -> {M, F, A};
place(0) -> 0.

kind({_, _, _}) -> timestamp;
kind({_, _}) -> strict;
kind(N) when is_integer(N) -> monotonic.

collect(L) ->
    receive
        {From, all} -> From ! {self(), lists:reverse(L)};
        E -> collect([E | L])
    end.

%% The one who is told hears nothing of itself.
itself() ->
    Profiler = spawn(fun() -> collect([]) end),
    erlang:system_profile(Profiler, [runnable_procs]),
    [begin Profiler ! {profile, x}, timer:sleep(5) end || _ <- [1, 2, 3]],
    erlang:system_profile(undefined, []),
    Profiler ! {self(), all},
    receive {Profiler, L} -> [E || E <- L, element(2, E) =:= Profiler] end.
