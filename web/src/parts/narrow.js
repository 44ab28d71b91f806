// Whether one thing at a time is shown, as on a phone; the width is that of the style sheets.
import { useEffect, useState } from 'preact/hooks';

const media = matchMedia('(max-width: 760px)');

export function useNarrow() {
  const [isNarrow, setNarrow] = useState(media.matches);
  useEffect(() => {
    const take = () => setNarrow(media.matches);
    media.addEventListener('change', take);
    return () => media.removeEventListener('change', take);
  }, []);
  return isNarrow;
}
