%% Large results: factorial, fibonacci, powers, digits there and back.
-module(arith_pow).
-export([main/0]).
fac(0) -> 1;
fac(N) -> N * fac(N - 1).
fib(0, A, _) -> A;
fib(N, A, B) -> fib(N - 1, B, A + B).
pow(_, 0) -> 1;
pow(X, N) -> X * pow(X, N - 1).
main() ->
    F = fac(200),
    [F, fib(500, 0, 1), pow(3, 300), pow(-7, 101), erlang:phash2(fac(2000)), erlang:phash2(integer_to_list(fac(3000))),
     list_to_integer(integer_to_list(F)) =:= F, F div fac(198), F rem fac(198), fac(300) div fac(150) rem fac(60),
     [integer_to_list(F, Base) =:= string:uppercase(integer_to_list(F, Base)) || Base <- [2, 8, 16, 36]],
     integer_to_list(pow(2, 100), 36), list_to_integer("ZZZZZZZZZZZZZZZZZZZZ", 36), integer_to_binary(-pow(2, 70), 16)].
