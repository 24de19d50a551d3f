%% spawn in its forms, send to pids and names, receive with after, order of messages from one sender.
-module(process_basic).
-export([main/0, echo/1]).
echo(P) -> P ! {echo, ?MODULE}.
main() ->
    S = self(),
    spawn(fun() -> S ! {a, 1} end), R1 = receive {a, X1} -> X1 end,
    spawn(?MODULE, echo, [S]), R2 = receive {echo, M} -> M end,
    register(me, S), me ! named, R3 = receive named -> ok after 100 -> no end,
    {me, node()} ! remote, R4 = receive remote -> ok after 100 -> no end,
    P = spawn(fun() -> [S ! {n, I} || I <- lists:seq(1, 50)] end), is_pid(P),
    R5 = [receive {n, I} -> I end || _ <- lists:seq(1, 50)],
    S ! b, S ! a, R6 = [receive a -> a end, receive Y -> Y end],
    R7 = receive never -> 1 after 0 -> timeout end,
    R8 = receive never -> 1 after 5 -> timeout end,
    R9 = (catch no_such_name ! x), R10 = (catch {no_such_name, node()} ! x), R11 = (catch erlang:send(S, q, [nosuspend])), R12 = receive q -> ok end,
    unregister(me), R13 = whereis(me), R14 = (catch register(me, notpid)), R15 = (catch unregister(me)), R16 = (catch register(undefined, S)),
    [R1, R2, R3, R4, R5, R6, R7, R8, element(1, R9), element(1, element(2, R9)), R10, R11, R12, R13, [element(1, element(2, E)) || E <- [R14, R15, R16]], (catch register(me2, S)), element(1, element(2, catch register(me3, S))), is_process_alive(S)].
