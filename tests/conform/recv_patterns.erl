%% Receive with many clauses, guards, bound variables, in loops, with timeouts computed; flush; tagged replies.
-module(recv_patterns).
-export([main/0]).
loop(S) -> receive {add, N} when is_integer(N), N > 0 -> loop(S + N); {add, N} when is_float(N) -> loop(S + trunc(N)); {sub, N} -> loop(S - N); {get, F} -> F ! {val, S}, loop(S); {'EXIT', _, _} = E -> {exit, E}; stop -> S; Other -> loop({S, Other}) after 1000 -> timeout end.
flush() -> receive M -> [M | flush()] after 0 -> [] end.
main() ->
    S = self(), P = spawn(fun() -> S ! {fin, loop(0)} end), [P ! M || M <- [{add, 5}, {add, 2.9}, {sub, 1}, {get, S}, stop]], A = [receive {val, V} -> V end, receive {fin, F} -> F end], Q = spawn(fun() -> S ! {fin, loop(0)} end), [Q ! M || M <- [{add, -1}, stop]], B = receive {fin, F2} -> F2 end,
    K = make_ref(), S ! {make_ref(), no}, S ! {K, yes}, C = receive {K, X} -> X end, D = length(flush()), T = 5, E = receive never -> x after T * 2 -> waited end, S ! 1, S ! 2, S ! 3, G = receive N when N > 1 -> N end, H = flush(), I = (catch receive after -1 -> x end), J = (catch receive after list_to_atom("a") -> x end), L = receive after 0 -> zero end, [A, B, C, D, E, G, H, element(1, element(2, I)), element(1, element(2, J)), L, (fun Z(0) -> done; Z(X2) -> S ! X2, receive X2 -> Z(X2 - 1) end end)(100)].
