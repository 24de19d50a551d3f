%% Who blocks the other schedulers holds them until it ends; only it lets go; work for dirty schedulers goes on meanwhile.
-module(sched_blockers).
-export([main/0]).
main() ->
    S = self(),
    P = spawn(fun() ->
        R = [erlang:system_flag(multi_scheduling, F) || F <- [block, block, unblock]],
        {ok, Bin} = file:read_file(code:which(?MODULE)),
        S ! {R, is_binary(Bin), erlang:system_info(multi_scheduling_blockers) =:= [self()]},
        receive stop -> ok end
    end),
    A = receive M -> M after 5000 -> late end,
    B = erlang:system_flag(multi_scheduling, unblock),
    C = [erlang:system_info(K) || K <- [multi_scheduling, normal_multi_scheduling_blockers]],
    Ref = monitor(process, P), P ! stop, receive {'DOWN', Ref, _, _, _} -> ok end,
    [A, B, C, settled(50), erlang:system_info(multi_scheduling_blockers)].
settled(0) -> late;
settled(N) ->
    case erlang:system_info(multi_scheduling) of
        enabled -> enabled;
        _ -> timer:sleep(10), settled(N - 1)
    end.
