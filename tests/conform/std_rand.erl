%% Seeded random numbers: the same on every machine; shuffles; hashes as generators.
-module(std_rand).
-export([main/0]).
main() -> [begin S0 = rand:seed_s(Alg, {1, 2, 3}), {A, S1} = rand:uniform_s(S0), {B, S2} = rand:uniform_s(1000000, S1), {C, S3} = rand:normal_s(S2), {D, _} = rand:bytes_s(6, S3), {Alg, A, B, C, D} end || Alg <- [exsss, exro928ss, exrop, exs1024s, exsp]] ++ [begin S = rand:seed_s(exsss, 42), {L, _} = lists:mapfoldl(fun(_, St) -> rand:uniform_s(100, St) end, S, lists:seq(1, 20)), L end, begin {X, _} = rand:uniform_s(1 bsl 100, rand:seed_s(exsss, 1)), X end, begin rand:seed(exsss, 5), [rand:uniform(6), rand:uniform(), rand:uniform_real()] end, rand:mwc59(1), rand:splitmix64_next(1), element(1, rand:uniform_s(rand:jump(rand:seed_s(exsss, 1)))), random:seed0()].
